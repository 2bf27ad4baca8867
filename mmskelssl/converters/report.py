"""What a conversion did, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np

from mmskelssl.converters.raw_files import described
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.plausibility import remarks
from mmskelssl.version import __version__

REPORT_FILE = 'conversion.json'
_SHOWN_MESSAGES = 50
_SHOWN_REASONS = 5


@dataclass
class ConversionReport:
    """What a conversion did; kept as ``conversion.json`` in the store.

    ``num_frames`` counts a frame of several persons once; ``lengths`` are those of the shortest, the median and the
    longest clip; ``persons`` are numbers of persons with their numbers of clips; ``attributes`` and ``splits`` come
    with their numbers of different values and of clips; ``num_bytes`` is the size of the coordinates. The rest is text:
    what the reader records, a message for every clip left out or changed, why files were not read, and what cannot be
    right.
    """

    num_clips: int
    num_frames: int
    lengths: tuple[int, int, int]
    classes: list[str]
    class_counts: list[int]
    persons: dict[int, int]
    attributes: dict[str, int]
    splits: dict[str, int]
    dtype: str
    num_bytes: int
    source: dict
    skipped: list[str]
    repaired: list[str]
    passed_over: dict[str, list[str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    version: str = __version__

    def save(self, folder: Path) -> None:
        (folder / REPORT_FILE).write_text(json.dumps(asdict(self), indent=1), encoding='utf-8')

    def __str__(self) -> str:
        splits = ', '.join(f'{name} {count}' for name, count in self.splits.items())
        shortest, median, longest = self.lengths
        counts = [count for count in self.class_counts if count]
        sizes = f'{min(counts)} to {max(counts)} clips' if min(counts) < max(counts) else f'{counts[0]} clips each'
        empty = f', {len(self.classes) - len(counts)} of them empty' if len(counts) < len(self.classes) else ''
        persons = ', '.join(f'{number} in {count}' for number, count in self.persons.items())
        lines = [
            f'{self.num_clips} clips written; splits: {splits or "none"}.',
            f'{self.num_frames} frames, {shortest} to {longest} per clip (median {median}); {self.dtype}, '
            f'{self.num_bytes / 1e6:.1f} MB.',
            f'{len(self.classes)} classes of {sizes}{empty}.',
            f'Persons per clip: {persons}.',
        ]
        if self.attributes:
            values = ', '.join(f'{name} {count}' for name, count in self.attributes.items())
            lines.append(f'Different values: {values}.')
        for title, messages in (('repaired', self.repaired), ('skipped', self.skipped)):
            lines.append(f'{len(messages)} clips {title}{":" if messages else "."}')
            lines += [f'  {message}' for message in messages[:_SHOWN_MESSAGES]]
            if len(messages) > _SHOWN_MESSAGES:
                lines.append(f'  and {len(messages) - _SHOWN_MESSAGES} more, listed in {REPORT_FILE} of the store.')
        if self.passed_over:
            lines += ['Of the input:', *(f'  {line}' for line in described(self.passed_over))]
        return '\n'.join(lines)


def report_on(
    store: ClipStore,
    skipped: Sequence[str],
    repaired: Sequence[str],
    passed_over: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> ConversionReport:
    """The report on a conversion that made ``store``, with the messages on clips that were left out and changed."""
    lengths = np.sort(store.num_frames)
    numbers, clips = np.unique(store.num_persons, return_counts=True)
    return ConversionReport(
        num_clips=len(store),
        num_frames=int(lengths.sum()),
        lengths=(int(lengths[0]), int(lengths[len(lengths) // 2]), int(lengths[-1])),
        classes=store.classes,
        class_counts=np.bincount(store.labels, minlength=len(store.classes)).tolist(),
        persons=dict(zip(numbers.tolist(), clips.tolist(), strict=True)),
        attributes={name: len(np.unique(values)) for name, values in store.attributes.items()},
        splits={name: len(index) for name, index in store.splits.items()},
        dtype=store.frames.dtype.name,
        num_bytes=store.frames.nbytes,
        source=store.source,
        skipped=list(skipped),
        repaired=list(repaired),
        passed_over={reason: list(paths) for reason, paths in passed_over.items()},
        warnings=remarks(store),
    )


def nothing_usable(out: Path, skipped: Sequence[str], passed_over: Mapping[str, Sequence[str]]) -> str:
    """Why a conversion has nothing to write."""
    more = len(skipped) - _SHOWN_REASONS
    lines = [
        f'No usable clip for {out}: nothing was written. {len(skipped) or "No"} clips or sources were refused'
        f'{":" if skipped else "."}',
        *(f'  {message}' for message in skipped[:_SHOWN_REASONS]),
        *([f'  and {more} more'] if more > 0 else []),
        *described(passed_over),
    ]
    return '\n'.join(lines)
