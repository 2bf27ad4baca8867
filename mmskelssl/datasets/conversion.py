"""From any raw format to a clip store."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from mmskelssl.datasets.clip_store import DTYPES, ClipStore, ClipStoreWriter
from mmskelssl.datasets.conversion_report import ConversionReport
from mmskelssl.datasets.readers.base import RawClip, Reader
from mmskelssl.utils.errors import ClipError, StoreError
from mmskelssl.utils.progress import track


def convert(
    reader: Reader, out: str | os.PathLike, dtype: str = 'float32', overwrite: bool = False, strict: bool = False
) -> ConversionReport:
    """Writes every usable clip of a reader into a new store.

    A person whose coordinates are all zero is dropped from its clip, and an unusable clip is skipped; both are named in
    the report.

    Args:
        reader: Source of the clips.
        out: Folder of the new store.
        dtype: ``float32`` or ``float16``.
        overwrite: Whether to replace what is at ``out``.
        strict: Whether to stop at the first unusable clip instead of skipping it.

    Raises:
        ClipError: If ``strict`` and a clip is unusable.
        StoreError: If the store cannot be written or no clip is usable.
        FileExistsError: If ``out`` exists and is not to be overwritten.
    """
    kept: list[RawClip] = []
    skipped: list[str] = []
    repaired: list[str] = []
    with ClipStore.create(out, reader.layout, reader.classes, dtype, overwrite) as writer:
        for index in track(range(len(reader)), len(reader), 'Converting'):
            for raw in reader.outcomes(index):
                try:
                    kept.append(_add(writer, raw))
                    repaired += [f"{_place(raw)}Clip '{raw.name}': {repair}" for repair in kept[-1].repairs]
                except ClipError as error:
                    if strict:
                        raise
                    skipped.append(str(error))
        writer.splits.update(reader.splits(kept))
        writer.source.update(reader.source, skipped=len(skipped), repaired=len(repaired))
    return ConversionReport(len(kept), {name: len(index) for name, index in writer.splits.items()}, skipped, repaired)


def _add(writer: ClipStoreWriter, raw: RawClip | ClipError) -> RawClip:
    """Writes a clip and gives it back without its coordinates."""
    if isinstance(raw, ClipError):
        raise raw
    clip = _drop_empty_persons(raw.clip)
    try:
        writer.add(raw.name, raw.label, clip, **raw.attributes)
    except ClipError as error:
        raise ClipError(f'{_place(raw)}{error}') from error
    num_empty = len(raw.clip) - len(clip)
    dropped = [f'{num_empty} empty person(s) dropped.'] if num_empty else []
    return replace(raw, clip=np.empty(0), repairs=[*raw.repairs, *dropped])


def _place(raw: RawClip) -> str:
    return f'{raw.origin}: ' if raw.origin else ''


def _drop_empty_persons(clip: np.ndarray) -> np.ndarray:
    if clip.ndim != 4:
        return clip
    present = clip.any(axis=(1, 2, 3))
    # A clip without anybody is left as it is, for the store to refuse it by name.
    return clip[present] if present.any() else clip


def add_conversion_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what every converter takes: the store to write, its precision, and what to do about bad clips."""
    parser.add_argument('out', help='folder of the new clip store')
    parser.add_argument('--dtype', choices=DTYPES, default='float32', help='precision of the stored coordinates')
    parser.add_argument('--overwrite', action='store_true', help='replace an existing store')
    parser.add_argument('--strict', action='store_true', help='stop at the first unusable clip instead of skipping it')


def run_conversion(
    open_reader: Callable[[argparse.Namespace], Reader],
    args: argparse.Namespace,
    expected_splits: Mapping[str, int] | None = None,
) -> int:
    """The body of a converter: converts, reports, and gives the exit status.

    Args:
        open_reader: Makes the reader from the arguments.
        args: Parsed arguments, those of :func:`add_conversion_arguments` among them.
        expected_splits: Sizes of the complete data set's splits, to say plainly when a set is partial.

    Returns:
        0, or 1 when nothing was written.
    """
    try:
        report = convert(open_reader(args), args.out, args.dtype, args.overwrite, args.strict)
    except (ClipError, StoreError, FileExistsError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print(report)
    for split, expected in (expected_splits or {}).items():
        if report.splits.get(split) != expected:
            print(f'warning: partial data set: split {split} has {report.splits.get(split, 0)} clips, '
                  f'the published set {expected}.', file=sys.stderr)  # fmt: skip
    print(f'store: {args.out}')
    return 0
