"""From any raw format to a clip store."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from mmskelssl.datasets.clip_store import DTYPES, ClipStore
from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.utils.errors import ClipError, StoreError
from mmskelssl.utils.progress import track


@dataclass
class RawClip:
    """A clip as a reader hands it over.

    Args:
        name: Unique name.
        label: 0-based class.
        clip: (M, T, V, C) coordinates in metres.
        attributes: Facts on the clip, the same keys for all clips of a reader.
    """

    name: str
    label: int
    clip: np.ndarray
    attributes: dict = field(default_factory=dict)


class Reader(Protocol):
    """What a raw format has to tell. One file in ``datasets/readers/`` implements it for one format.

    Iterating gives every clip in a fixed order, and a :class:`ClipError` in the place of one that cannot be read.
    """

    layout: SkeletonLayout
    classes: Sequence[str]
    source: dict

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[RawClip | ClipError]: ...

    def splits(self, clips: Sequence[RawClip]) -> dict[str, Sequence[int]]:
        """Split name to the positions of its clips in ``clips``, whose coordinates are gone by then."""


@dataclass
class ConversionReport:
    """What a conversion did.

    Args:
        num_clips: Clips written.
        splits: Split name to its number of clips.
        skipped: One message for every clip left out.
        repaired: One message for every clip changed.
    """

    num_clips: int
    splits: dict[str, int]
    skipped: list[str]
    repaired: list[str]

    def __str__(self) -> str:
        splits = ', '.join(f'{name} {count}' for name, count in self.splits.items())
        lines = [f'{self.num_clips} clips written; splits: {splits or "none"}.']
        for title, messages in (('repaired', self.repaired), ('skipped', self.skipped)):
            lines += [f'{len(messages)} clips {title}{":" if messages else "."}', *(f'  {m}' for m in messages)]
        return '\n'.join(lines)


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
        for raw in track(reader, len(reader), 'Converting'):
            try:
                if isinstance(raw, ClipError):
                    raise raw
                clip = _drop_empty_persons(raw.clip)
                writer.add(raw.name, raw.label, clip, **raw.attributes)
                if len(clip) < len(raw.clip):
                    repaired.append(f"Clip '{raw.name}': {len(raw.clip) - len(clip)} empty person(s) dropped.")
                kept.append(RawClip(raw.name, raw.label, np.empty(0), raw.attributes))
            except ClipError as error:
                if strict:
                    raise
                skipped.append(str(error))
        writer.splits.update(reader.splits(kept))
        writer.source.update(reader.source, skipped=len(skipped), repaired=len(repaired))
    return ConversionReport(len(kept), {name: len(index) for name, index in writer.splits.items()}, skipped, repaired)


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
