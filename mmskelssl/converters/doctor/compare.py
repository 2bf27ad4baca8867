"""Where two preparations of one data set differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from mmskelssl.converters.base import RawClip, Reader
from mmskelssl.converters.messages import clips_named
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.utils.errors import ClipError
from mmskelssl.utils.progress import track

_SHOWN = 20
# What official programs leave at the end of a clip's name, or inside it.
_SUFFIXES = ('.skeleton', '.txt')


class Difference(NamedTuple):
    """What is different about one clip.

    Args:
        name: The clip's name.
        distance: Largest distance of a coordinate in metres, over the persons and frames that both have.
        mean: The mean one.
        notes: All that is different, in words.
    """

    name: str
    distance: float
    mean: float
    notes: str


@dataclass
class Comparison:
    """What two preparations have in common and what not.

    Args:
        tolerance: Distance up to which coordinates count as the same.
        num_same: Clips that are the same.
        differences: The clips of both that are different, the farthest first.
        missing: Names that only the first has.
        added: Names that only the second has.
        unreadable: What of the second could not be read.
        splits: Differences of splits of one name, in words.
    """

    tolerance: float
    num_same: int = 0
    differences: list[Difference] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)

    @property
    def is_same(self) -> bool:
        return not (self.differences or self.missing or self.added or self.unreadable or self.splits)

    def __str__(self) -> str:
        num_both = self.num_same + len(self.differences)
        lines = [f'{num_both} clips in both, {self.num_same} of them the same to {self.tolerance:g} m.']
        for names, where in ((self.missing, 'the first'), (self.added, 'the second')):
            if len(names):
                lines.append(f'only in {where}: {clips_named(names)}')
        for title, messages in (('unreadable', self.unreadable), ('splits', self.splits)):
            lines += [f'{title}: {message}' for message in messages]
        if self.differences:
            distances = [difference.distance for difference in self.differences]
            lines.append(
                f'{len(distances)} clips differ, by {np.median(distances):.3g} m (median) and up to '
                f'{max(distances):.3g} m:'
            )
            lines += [f'  {difference.name}: {difference.notes}' for difference in self.differences[:_SHOWN]]
            if len(distances) > _SHOWN:
                lines.append(f'  and {len(distances) - _SHOWN} more')
        return '\n'.join(lines)


def compare(
    store: ClipStore,
    other: ClipStore | Reader,
    tolerance: float = 1e-4,
    normalize: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Comparison:
    """Compares a store with another preparation, clip by clip and split by split.

    Clips are the same clip if they have the same name, apart from the ``.skeleton`` or ``.txt`` that official programs
    leave in it. Bodies without coordinates do not count. A clip that is longer in one of the two is compared over the
    frames that both have.

    Args:
        store: The first preparation.
        other: The second, a store or what a reader makes of any other format.
        tolerance: Distance of coordinates in metres up to which they count as the same.
        normalize: What is done to each clip (M, T, V, C) of the store before, where the second preparation is a
            normalized one.
    """
    result = Comparison(tolerance)
    index_of = {plain_name(name): index for index, name in enumerate(store.names.tolist())}
    met: list[RawClip] = []
    outcomes = (
        (RawClip(str(other.names[i]), int(other.labels[i]), other[i]) for i in range(len(other)))
        if isinstance(other, ClipStore)
        else other
    )
    for raw in track(outcomes, len(other), 'Comparing'):
        if isinstance(raw, ClipError):
            result.unreadable.append(str(raw))
            continue
        name = plain_name(raw.name)
        met.append(replace(raw, name=name, clip=np.empty(0)))
        if name not in index_of:
            result.added.append(name)
            continue
        index = index_of[name]
        clip = store[index] if normalize is None else normalize(store[index])
        difference = _difference(name, (int(store.labels[index]), clip), (raw.label, raw.clip), tolerance)
        if difference is None:
            result.num_same += 1
        else:
            result.differences.append(difference)
    names = {raw.name for raw in met}
    result.missing = [name for name in index_of if name not in names]
    result.differences.sort(key=lambda difference: (-difference.distance, difference.name))
    others = other.splits if isinstance(other, ClipStore) else other.splits(met)
    result.splits = _split_differences(
        {split: {plain_name(store.names[i]) for i in index} & names for split, index in store.splits.items()},
        {split: {met[i].name for i in index} & index_of.keys() for split, index in others.items()},
    )
    return result


def _split_differences(first: Mapping[str, set[str]], second: Mapping[str, set[str]]) -> list[str]:
    """What is different about the splits that both have, as far as they have the clips."""
    return [
        f'{split} has {clips_named(sorted(only))} only in the {where}'
        for split in sorted(first.keys() & second.keys())
        for where, only in (('first', first[split] - second[split]), ('second', second[split] - first[split]))
        if only
    ]


def plain_name(name: str) -> str:
    """A clip's name without the file suffix that official programs leave in it."""
    for suffix in _SUFFIXES:
        name = name.replace(suffix, '')
    return name


def _difference(
    name: str, first: tuple[int, np.ndarray], second: tuple[int, np.ndarray], tolerance: float
) -> Difference | None:
    (label, clip), (other_label, other) = first, second
    notes = [] if label == other_label else [f'labels {label} and {other_label}']
    clip, other = (np.asarray(c)[np.asarray(c).any(axis=(1, 2, 3))] for c in (clip, other))
    for what, axis in (('bodies', 0), ('frames', 1), ('joints', 2), ('coordinates', 3)):
        if clip.shape[axis] != other.shape[axis]:
            notes.append(f'{clip.shape[axis]} and {other.shape[axis]} {what}')
    persons, frames = (min(clip.shape[axis], other.shape[axis]) for axis in (0, 1))
    if clip.shape[2:] != other.shape[2:] or not persons:
        return Difference(name, np.inf, np.inf, ', '.join(notes) or 'no body in either') if notes else None
    gaps = _gaps(clip[:persons, :frames], other[:persons, :frames])
    if persons == 2:
        swapped = _gaps(clip[:2, :frames], other[1::-1, :frames])
        if swapped.mean() < gaps.mean():
            gaps = swapped
            notes.append('bodies in another order')
    distance = float(gaps.max())
    if distance > tolerance:
        body, frame, joint, _ = np.unravel_index(np.argmax(gaps), gaps.shape)
        notes.append(
            f'up to {distance:.3g} m (body {body}, frame {frame}, joint {joint}), {gaps.mean():.3g} m on average'
        )
    return Difference(name, distance, float(gaps.mean()), ', '.join(notes)) if notes else None


def _gaps(clip: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Distances of coordinates; infinite where one is not finite."""
    return np.nan_to_num(np.abs(clip.astype(np.float64) - other), nan=np.inf, posinf=np.inf)
