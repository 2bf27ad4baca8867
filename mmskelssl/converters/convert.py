"""From any raw format to a clip store."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

import numpy as np

from mmskelssl.converters.base import RawClip, Reader
from mmskelssl.converters.journal import Journal, open_for_update, resumable_folder, unfinished_folder
from mmskelssl.converters.parallel import reading
from mmskelssl.converters.report import ConversionReport, report_on
from mmskelssl.datasets.clip_store import ClipStore, ClipStoreWriter, refuse_other_folder
from mmskelssl.datasets.layouts import get_layout
from mmskelssl.utils.errors import ClipError, StoreError
from mmskelssl.utils.progress import track
from mmskelssl.version import __version__


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
    the report, which the store keeps as ``conversion.json``. A conversion that was interrupted goes on where it stopped
    when it is called again with the same reader, output and precision; the store is the same to the last byte, and so
    it is with any number of workers.

    Args:
        reader: Source of the clips.
        out: Folder of the new store.
        dtype: ``float32`` or ``float16``.
        overwrite: Whether to replace what is at ``out``.
        strict: Whether to stop at the first unusable clip instead of skipping it.
        workers: Number of processes that read; with 1 this one does.

    Raises:
        ClipError: If ``strict`` and a clip is unusable.
        StoreError: If the store cannot be written or no clip is usable.
        FileExistsError: If ``out`` exists and is not to be overwritten.
    """
    out = Path(out)
    refuse_other_folder(out, overwrite)
    try:
        with resumable_folder(out, overwrite) as (folder, journal_file):
            frames = folder / 'frames.bin'
            with open_for_update(frames) as file:
                writer = ClipStoreWriter(file, get_layout(reader.layout), list(reader.classes), dtype)
                journal = Journal(journal_file, _identity(reader, writer), frames, writer.dtype)
                skipped, repaired = _write_all(reader, writer, journal, strict, workers)
                # An interrupted conversion may have written more than its journal says.
                file.truncate()
            writer.finish(folder, out)
            report = report_on(ClipStore(folder), skipped, repaired)
            report.save(folder)
        return report
    except FileExistsError:
        raise
    except OSError as error:
        raise StoreError(f'Cannot write {out}: {error}. {what_is_kept(out)} Free space first.') from error
    except BrokenProcessPool as error:
        raise StoreError(f'A process that read was killed, perhaps for lack of memory. {what_is_kept(out)} '
                         'Use fewer --workers then.') from error  # fmt: skip


def what_is_kept(out: Path) -> str:
    """What to tell a user whose conversion was interrupted."""
    return f'What is done is kept in {unfinished_folder(out)}: give the same command again to go on.'


def _identity(reader: Reader, writer: ClipStoreWriter) -> dict:
    """What has to be the same for an interrupted conversion to go on."""
    return dict(
        version=__version__,
        fingerprint=reader.fingerprint,
        source=reader.source,
        sources=len(reader),
        layout=writer.layout.to_dict(),
        classes=writer.classes,
        dtype=writer.dtype.name,
    )


def _write_all(
    reader: Reader, writer: ClipStoreWriter, journal: Journal, strict: bool, workers: int
) -> tuple[list[str], list[str]]:
    """Writes all clips; gives the messages on those skipped and those repaired."""
    kept: list[RawClip] = []
    skipped: list[str] = []

    def write(outcomes: Sequence[RawClip | ClipError]) -> list[RawClip | ClipError]:
        written = [_written(writer, outcome) for outcome in outcomes]
        errors = [outcome for outcome in written if isinstance(outcome, ClipError)]
        if strict and errors:
            raise errors[0]
        skipped.extend(map(str, errors))
        kept.extend(replace(raw, clip=np.empty(0)) for raw in written if isinstance(raw, RawClip))
        return written

    done = 0
    for outcomes in track(journal.replay(), journal.num_lines, 'Going on') if journal.num_lines else ():
        write(outcomes)
        done += 1
    with reading(reader, done, workers) as sources:
        for outcomes in track(sources, len(reader) - done, 'Converting'):
            written = write(outcomes)
            writer.flush()
            journal.append(written, writer.digest)
    repaired = [f'{_place(raw)}Clip {raw.name!r}: {repair}' for raw in kept for repair in raw.repairs]
    writer.splits.update(reader.splits(kept))
    writer.source.update(reader.source, skipped=len(skipped), repaired=len(repaired))
    return skipped, repaired


def _written(writer: ClipStoreWriter, outcome: RawClip | ClipError) -> RawClip | ClipError:
    """Writes a clip, and gives what was written or why it could not be."""
    if isinstance(outcome, ClipError):
        return outcome
    clip = drop_empty_persons(outcome.clip)
    try:
        writer.add(outcome.name, outcome.label, clip, **outcome.attributes)
    except ClipError as error:
        return ClipError(f'{_place(outcome)}{error}')
    num_empty = len(outcome.clip) - len(clip)
    dropped = [f'{num_empty} empty person(s) dropped.'] if num_empty else []
    return replace(outcome, clip=clip, repairs=[*outcome.repairs, *dropped])


def _place(raw: RawClip) -> str:
    return f'{raw.origin}: ' if raw.origin else ''


def drop_empty_persons(clip: np.ndarray) -> np.ndarray:
    """A clip (M, T, V, C) without the persons whose coordinates are all zero; whatever is no clip, as it is."""
    if clip.ndim != 4:
        return clip
    present = clip.any(axis=(1, 2, 3))
    # A clip without anybody is left as it is, for the store to refuse it by name.
    return clip[present] if present.any() else clip
