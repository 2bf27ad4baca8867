"""Clips as a tree of PKU-MMD's files, for tests and for trying the converter."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from mmskelssl.converters.base import RawClip
from mmskelssl.converters.pku_mmd.files import NUM_BODIES
from mmskelssl.utils.files import written_beside

# Frames between actions.
_PAUSE = 5


def write_pku_tree(
    folder: str | os.PathLike,
    recordings: Mapping[str, Sequence[RawClip]],
    training: Mapping[str, Collection[str]],
) -> None:
    """Writes recordings, labels (half-open ranges) and splits.

    Between two actions everybody stands still. Coordinates survive as float32.

    Args:
        folder: Where ``skeleton/``, ``label/`` and the splits go.
        recordings: Name to the clips of each recording, of up to two persons and NTU's 25 joints.
        training: File name of each split to the recordings that train; the others validate.
    """
    folder = Path(folder)
    for name, clips in recordings.items():
        rows, labels, start = [], [], 0
        for raw in clips:
            frames = _as_rows(raw.clip)
            rows += [frames, np.repeat(frames[-1:], _PAUSE, axis=0)]
            labels.append(f'{raw.label + 1},{start},{start + len(frames)},2\n')
            start += len(frames) + _PAUSE
        with written_beside(folder / 'skeleton' / f'{name}.txt') as beside:
            np.savetxt(beside, np.concatenate(rows), fmt='%.9g')
        _write_text(folder / 'label' / f'{name}.txt', ''.join(labels))
    for file, names in training.items():
        parts = [[name for name in recordings if (name in names) == trains] for trains in (True, False)]
        lines = ['Training videos:', ', '.join(parts[0]), 'Validation videos:', ', '.join(parts[1]), '']
        _write_text(folder / file, '\n'.join(lines))


def _as_rows(clip: np.ndarray) -> np.ndarray:
    """(T, 150) of (M, T, 25, 3)."""
    absent = np.zeros((NUM_BODIES - len(clip), *clip.shape[1:]), clip.dtype)
    return np.concatenate([clip, absent]).swapaxes(0, 1).reshape(clip.shape[1], -1)


def _write_text(path: Path, text: str) -> None:
    with written_beside(path) as beside:
        beside.write_text(text, encoding='ascii')
