"""Whether a store can be what every recipe takes it for: persons, then frames, in metres, with labels from 0."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mmskelssl.datasets.clip_store import ClipStore

# Smallest and largest size of what is tracked, in metres, along its longest side.
BODY, HAND = (0.2, 4.0), (0.03, 0.6)
# A single clip among others of the right size is odd beyond these times the limits.
_ODD = 5
_FRAMES_PER_CLIP = 8
_CHUNK = 4096


def remarks(store: ClipStore) -> list[str]:
    """What cannot be right about a store's axes, units, labels and splits, judged by some frames of each clip.

    A store whose source says what its coordinates are (``coordinates``: of images) is not asked for metres.
    """
    sizes, depths = (np.concatenate(parts) for parts in zip(*_measured(store), strict=True))
    in_metres = 'coordinates' not in store.source
    return [
        *_about_axes(store),
        *(_about_size(store, sizes) if in_metres else ()),
        *_about_depth(store, depths),
        *_about_labels(store),
        *(f"split '{name}' has no clip." for name, clips in store.splits.items() if not len(clips)),
    ]


def _measured(store: ClipStore) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Of some clips at a time their sizes (n,), NaN where too little is tracked, and the last coordinates of joints."""
    rows = store.num_frames * store.num_persons
    steps = np.linspace(0, 1, _FRAMES_PER_CLIP)
    for start in range(0, len(store), _CHUNK):
        part = slice(start, start + _CHUNK)
        picked = store.offsets[part, None] + ((rows[part, None] - 1) * steps).astype(np.int64)
        frames = store.frames[picked].astype(np.float32)  # (n, 8, V, C)
        tracked = frames.any(-1)
        lowest, highest = (
            reduce(np.where(tracked[..., None], frames, filling), axis=2)
            for reduce, filling in ((np.min, np.inf), (np.max, -np.inf))
        )
        size = (highest - lowest).max(-1)
        size[tracked.mean(2) < 0.5] = np.nan
        yield _median(size), frames[..., -1][tracked]


def _median(values: np.ndarray) -> np.ndarray:
    """(n,) of (n, k) without regard to NaN; NaN where there is nothing else."""
    ordered = np.sort(values, axis=1)  # NaN last
    middle = np.maximum((~np.isnan(values)).sum(1) - 1, 0) // 2
    return ordered[np.arange(len(values)), middle]


def _about_axes(store: ClipStore) -> Iterator[str]:
    if (store.num_persons > store.num_frames).mean() > 0.5:
        yield (
            f'most clips have more persons than frames, such as {store.num_persons[0]} and {store.num_frames[0]}: '
            'bring arrays to (M, T, V, C), persons before frames.'
        )
    if store.frames.shape[-1] == 2 and (store.num_persons == 3).all():
        yield (
            'all clips have 3 persons of 2 coordinates, as arrays (C, T, V, M) would: bring them to (M, T, V, C) by '
            'clip.transpose(3, 1, 2, 0).'
        )


def _about_labels(store: ClipStore) -> Iterator[str]:
    counts = np.bincount(store.labels, minlength=len(store.classes))
    if len(counts) > 2 and not counts[0] and counts[1:].all():
        yield f'no clip has label 0 ({store.classes[0]!r}), but all other classes have some: do labels count from 1?'


def _about_size(store: ClipStore, sizes: np.ndarray) -> Iterator[str]:
    what, (low, high) = ('bodies', BODY) if store.layout.spine else ('hands', HAND)
    known = sizes[~np.isnan(sizes)]
    if not len(known):
        return
    median = float(np.median(known))
    if not low <= median <= high:
        yield (
            f'{what} are {median:.3g} long (median of {len(known)} clips), which cannot be metres: '
            f'{_advice(median, high)}.'
        )
        return
    odd = np.flatnonzero((sizes > high * _ODD) | (sizes < low / _ODD))
    if len(odd):
        some = ', '.join(f'{store.names[i]} ({sizes[i]:.3g})' for i in odd[:3])
        yield (
            f'{what} are {median:.2g} long in most clips, but not in {len(odd)}, which cannot be metres: '
            f'{some}{" ..." if len(odd) > 3 else ""}.'
        )


def _advice(size: float, high: float) -> str:
    if size < high:
        return 'bring the coordinates to metres before you convert them'
    return 'divide millimetres by 1000, centimetres by 100, and bring pixels to half image heights'


def _about_depth(store: ClipStore, depths: np.ndarray) -> Iterator[str]:
    # Some keypoint is nearly certain, while the joints of a hand lie some half a metre from its camera.
    certain = 0.5 if store.layout.spine else 0.99
    is_score = len(depths) and depths.min() >= 0 and certain <= depths.max() <= 1
    if store.frames.shape[-1] != 3 or not is_score:
        return
    yield (
        f'third coordinates are all between 0 and 1 ({depths.min():.3g} to {depths.max():.3g}), as the scores of 2D '
        'keypoints are: normalizations, shears and turns would mix them with lengths. Set them to 0 if they are scores '
        '(--third zero of pyskl.py).'
    )
