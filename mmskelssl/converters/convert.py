"""From any raw format to a clip store."""

from __future__ import annotations

import os
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

import numpy as np

from mmskelssl.converters.base import RawClip, Reader
from mmskelssl.converters.parallel import reading
from mmskelssl.converters.report import ConversionReport, nothing_usable, report_on
from mmskelssl.datasets.clip_store import ClipStore, ClipStoreWriter, new_store
from mmskelssl.utils.errors import ClipError, StoreError
from mmskelssl.utils.progress import track


def convert(
    reader: Reader,
    out: str | os.PathLike,
    dtype: str = 'float32',
    overwrite: bool = False,
    strict: bool = False,
    workers: int = 1,
) -> ConversionReport:
    """Writes every usable clip of a reader into a new store.

    A person whose coordinates are all zero is dropped from its clip, and an unusable clip is skipped; both are named in
    the report, which the store keeps as ``conversion.json``. The store appears under its name when it is whole: a
    conversion that fails or is interrupted leaves nothing there. The store is the same to the last byte with any number
    of workers.

    Args:
        reader: Source of the clips.
        out: Folder of the new store.
        dtype: ``float32`` or ``float16``.
        overwrite: Whether to replace what is at ``out``.
        strict: Whether to stop at the first unusable clip instead of skipping it.
        workers: Number of processes that read; with 1 this one does.

    Raises:
        ClipError: If ``strict`` and a clip is unusable.
        StoreError: If the store cannot be written or no clip is usable; the message has the first reasons.
        FileExistsError: If ``out`` exists and is not to be overwritten.
    """
    out = Path(out)
    try:
        with new_store(out, reader.layout, reader.classes, dtype, overwrite) as writer:
            skipped, repaired = _write_all(reader, writer, strict, workers)
            if not writer.names:
                raise StoreError(nothing_usable(out, skipped, reader.passed_over))
    except BrokenProcessPool as error:
        raise StoreError('A process that read was killed, perhaps for lack of memory. Nothing was written: start again '
                         'with fewer --workers.') from error  # fmt: skip
    report = report_on(ClipStore(out), skipped, repaired, reader.passed_over)
    report.save(out)
    return report


def _write_all(reader: Reader, writer: ClipStoreWriter, strict: bool, workers: int) -> tuple[list[str], list[str]]:
    """Writes all clips; gives the messages on those skipped and those repaired."""
    kept: list[RawClip] = []
    skipped: list[str] = []
    with reading(reader, workers) as sources:
        for outcomes in track(sources, len(reader), 'Converting'):
            for outcome in outcomes:
                try:
                    if isinstance(outcome, ClipError):
                        raise outcome
                    kept.append(_write(writer, outcome, reader.pads_persons))
                except ClipError as error:
                    if strict:
                        raise
                    skipped.append(str(error))
    repaired = [f'{_place(raw)}Clip {raw.name!r}: {repair}' for raw in kept for repair in raw.repairs]
    writer.splits.update(reader.splits(kept))
    writer.source.update(reader.source, skipped=len(skipped), repaired=len(repaired))
    return skipped, repaired


def _write(writer: ClipStoreWriter, raw: RawClip, is_padded: bool) -> RawClip:
    """Writes a clip; gives it without its coordinates, with what was changed."""
    clip = drop_empty_persons(raw.clip)
    try:
        writer.add(raw.name, raw.label, clip, **raw.attributes)
    except ClipError as error:
        raise ClipError(f'{_place(raw)}{error}') from error
    num_empty = len(raw.clip) - len(clip)
    dropped = [f'{num_empty} empty person(s) dropped.'] if num_empty and not is_padded else []
    return replace(raw, clip=np.empty(0), repairs=[*raw.repairs, *dropped])


def _place(raw: RawClip) -> str:
    return f'{raw.origin}: ' if raw.origin else ''


def drop_empty_persons(clip: np.ndarray) -> np.ndarray:
    """A clip (M, T, V, C) without the persons whose coordinates are all zero; any other array as it is."""
    if clip.ndim != 4:
        return clip
    present = clip.any(axis=(1, 2, 3))
    # A clip without anybody is left as it is, for the store to refuse it by name.
    return clip[present] if present.any() else clip
