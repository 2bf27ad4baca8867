"""Whether a clip store is what its converter wrote, and what is odd about its clips."""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mmskelssl.converters.messages import clips_named
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.utils.progress import track

_SHOWN = 3


@dataclass
class Verification:
    """What was found.

    Args:
        store: The store.
        fingerprint: Fingerprint of the content, see :func:`verify`; None if the index is damaged.
        errors: What no converter writes, one sentence each; with any of them the store is damaged.
        warnings: What is odd about the data.
    """

    store: ClipStore
    fingerprint: str | None = None
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        store = self.store
        bodies = ', '.join(f'{count} with {number}' for number, count in _counts(store.num_persons))
        lines = [
            f'{store.path}: {len(store)} clips, {int(store.num_frames.sum())} frames, {len(store.classes)} classes, '
            f'layout {store.layout.name}, {store.frames.dtype}',
            f'bodies: {bodies}',
            'splits: ' + (', '.join(f'{name} {len(index)}' for name, index in store.splits.items()) or 'none'),
            'source: ' + ', '.join(f'{key}={value}' for key, value in store.source.items()),
            *(f'error: {message}' for message in self.errors),
            *(f'warning: {message}' for message in self.warnings),
        ]
        if self.fingerprint:
            lines.append(f'fingerprint: {self.fingerprint}')
        return '\n'.join(lines)


def verify(path: str | os.PathLike) -> Verification:
    """Reads a whole store and checks it.

    Errors: frames with another checksum than the converter's, an index that contradicts itself, NaN or infinite
    coordinates, bodies without coordinates, a training and a test split that share clips. Warnings: equal bodies in a
    clip, and equal clips, above all on both sides of a split.

    The fingerprint is that of the content: layout, classes, precision, and the name, label and coordinates of every
    clip, and the names in every split. It does not depend on the order of clips, on where the raw data lay, or on the
    converter's notes: two labs whose fingerprints agree have the same data.

    Args:
        path: The store's folder.

    Raises:
        StoreError: If there is no store or it cannot be opened.
    """
    store = ClipStore(path)
    result = Verification(store, errors=_index_faults(store))
    if result.errors:
        return result
    checksum = hashlib.sha256()
    digests: list[str] = []
    found = defaultdict(list)
    for index in track(range(len(store)), len(store), 'Verifying'):
        clip, name = store[index], str(store.names[index])
        checksum.update(clip.data)
        digests.append(hashlib.sha256(str(clip.shape).encode() + clip.data).hexdigest())
        if not np.isfinite(clip).all():
            found['NaN or infinite coordinates'].append(name)
        if not clip.any(axis=(1, 2, 3)).all():
            found['a body without coordinates'].append(name)
        if len(clip) > 1 and len(np.unique(clip.reshape(len(clip), -1), axis=0)) < len(clip):
            found['the same body twice'].append(name)
    if checksum.hexdigest() != store.frames_sha256:
        result.errors.append('frames.bin has another checksum than when it was written: copy or convert it again.')
    for what in ('NaN or infinite coordinates', 'a body without coordinates'):
        if found[what]:
            result.errors.append(f'{clips_named(found[what])} with {what}.')
    if found['the same body twice']:
        result.warnings.append(f'{clips_named(found["the same body twice"])} with the same body twice.')
    result.errors += _shared_clips(store.splits, store.names)
    result.warnings += _same_clips(store, digests)
    result.fingerprint = _fingerprint(store, digests)
    return result


def _counts(values: np.ndarray) -> list[tuple[int, int]]:
    return list(zip(*(column.tolist() for column in np.unique(values, return_counts=True)), strict=True))


def _index_faults(store: ClipStore) -> list[str]:
    """Contradictions within ``clips.npz``, which opening a store does not check."""
    num_clips = len(store)
    faults = []
    for column, values in (('num_frames', store.num_frames), ('num_persons', store.num_persons)):
        if (values < 1).any():
            faults.append(f'{clips_named(store.names[values < 1])} with {column} below 1.')
    outside = (store.labels < 0) | (store.labels >= len(store.classes))
    if outside.any():
        faults.append(f'{clips_named(store.names[outside])} with a label outside 0 to {len(store.classes) - 1}.')
    names, counts = np.unique(store.names, return_counts=True)
    if (counts > 1).any():
        faults.append(f'{clips_named(names[counts > 1])} with a name that another clip also has.')
    for name, index in store.splits.items():
        if ((index < 0) | (index >= num_clips)).any():
            faults.append(f'split {name} has numbers outside 0 to {num_clips - 1}.')
        if len(np.unique(index)) < len(index):
            faults.append(f'split {name} has clips more than once.')
    return faults


def _sides(splits: Mapping[str, np.ndarray]) -> list[tuple[str, str]]:
    """Pairs of a training split and its test split."""
    tests = [name for name in splits if name.endswith('test')]
    pairs = [(name.removesuffix('test') + 'train', name) for name in tests]
    return [(train, test) for train, test in pairs if train in splits]


def _shared_clips(splits: Mapping[str, np.ndarray], names: np.ndarray) -> list[str]:
    shared = {(a, b): np.intersect1d(splits[a], splits[b]) for a, b in _sides(splits)}
    return [f'{clips_named(names[index])} in both {a} and {b}.' for (a, b), index in shared.items() if len(index)]


def _same_clips(store: ClipStore, digests: Sequence[str]) -> list[str]:
    groups = defaultdict(list)
    for index, digest in enumerate(digests):
        groups[digest].append(index)
    same = [group for group in groups.values() if len(group) > 1]
    if not same:
        return []
    shown = '; '.join(' = '.join(map(str, store.names[group])) for group in same[:_SHOWN])
    messages = [f'{sum(map(len, same))} clips are not unique: {shown}{"; ..." if len(same) > _SHOWN else "."}']
    contradictory = [group for group in same if len(set(store.labels[group].tolist())) > 1]
    if contradictory:
        messages.append(f'{len(contradictory)} groups of the same clips have different labels.')
    for train, test in _sides(store.splits):
        across = [g for g in same if np.isin(g, store.splits[train]).any() and np.isin(g, store.splits[test]).any()]
        if across:
            messages.append(f'{len(across)} groups of the same clips are on both sides of {train} and {test}.')
    return messages


def _fingerprint(store: ClipStore, digests: Sequence[str]) -> str:
    content = dict(
        layout=store.layout.to_dict(),
        classes=store.classes,
        dtype=str(store.frames.dtype),
        clips=sorted(zip(store.names.tolist(), store.labels.tolist(), digests, strict=True)),
        splits={name: sorted(store.names[index].tolist()) for name, index in store.splits.items()},
    )
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
