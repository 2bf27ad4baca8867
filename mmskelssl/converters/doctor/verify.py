"""Whether a clip store is what its converter wrote, and what is odd about its clips."""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
        fingerprint: Fingerprint of the content, see :func:`verify`.
        errors: What no converter writes, one sentence each; with any of them the store is damaged.
        warnings: What is odd about the data.
    """

    store: ClipStore
    fingerprint: str
    errors: list[str]
    warnings: list[str]

    def __str__(self) -> str:
        store = self.store
        bodies = ', '.join(f'{count} with {number}' for number, count in _counts(store.num_persons))
        return '\n'.join(
            [
                f'{store.path}: {len(store)} clips, {store.num_frames.sum()} frames, {len(store.classes)} classes, '
                f'layout {store.layout.name}, {store.frames.dtype}',
                f'bodies: {bodies}',
                'splits: ' + (', '.join(f'{name} {len(index)}' for name, index in store.splits.items()) or 'none'),
                'source: ' + ', '.join(f'{key}={value}' for key, value in store.source.items()),
                *(f'error: {message}' for message in self.errors),
                *(f'warning: {message}' for message in self.warnings),
                f'fingerprint: {self.fingerprint}',
            ]
        )


def verify(path: str | os.PathLike) -> Verification:
    """Reads a whole store and checks it.

    Errors: frames with another checksum than the converter's, a training and a test split that share clips. Warnings:
    equal bodies in a clip, and equal clips, above all on both sides of a split.

    The fingerprint is that of the content: layout, classes, precision, and the name, label and coordinates of every
    clip, and the names in every split. It does not depend on the order of clips, on where the raw data lay, or on the
    converter's notes: two labs whose fingerprints agree have the same data.

    Args:
        path: The store's folder.

    Raises:
        StoreError: If there is no store or it cannot be opened.
    """
    store = ClipStore(path)
    checksum = hashlib.sha256()
    digests: list[str] = []
    twins: list[str] = []
    for index in track(range(len(store)), len(store), 'Verifying'):
        clip = store[index]
        checksum.update(clip.data)
        digests.append(hashlib.sha256(str(clip.shape).encode() + clip.data).hexdigest())
        if len(clip) > 1 and len(np.unique(clip.reshape(len(clip), -1), axis=0)) < len(clip):
            twins.append(str(store.names[index]))
    errors = _shared_clips(store.splits, store.names)
    if checksum.hexdigest() != store.frames_sha256:
        errors.append('frames.bin has another checksum than when it was written: copy or convert it again.')
    warnings = [f'{clips_named(twins)} with the same body twice.'] if twins else []
    return Verification(store, _fingerprint(store, digests), errors, warnings + _same_clips(store, digests))


def _counts(values: np.ndarray) -> list[tuple[int, int]]:
    return list(zip(*(column.tolist() for column in np.unique(values, return_counts=True)), strict=True))


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
