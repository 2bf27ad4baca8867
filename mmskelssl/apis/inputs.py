"""What people hold, as clips with names."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from mmskelssl.converters.messages import shown
from mmskelssl.converters.ntu import read_skeleton_file
from mmskelssl.converters.pyskl import annotated_clip
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.utils.errors import ClipError

Input = str | os.PathLike | np.ndarray | Tensor | Mapping
Inputs = Input | ClipStore | Sequence

_TAKEN = (
    'give a .skeleton file, an array (M, T, V, C) or (T, V, C), a batch (N, M, T, V, C), a .npy file of one, an '
    'annotation of PYSKL, a list of these, or a clip store or its folder'
)


def named_clips(inputs: Inputs) -> tuple[list[str], ClipStore | list[np.ndarray]]:
    """Names of the clips, and the clips as :func:`mmskelssl.apis.extract_features` takes them.

    Args:
        inputs: As :class:`mmskelssl.apis.SkeletonInferencer` is called with.

    Raises:
        ClipError: If it is something else.
        StoreError: If a store cannot be read.
    """
    if isinstance(inputs, (str, os.PathLike)) and Path(inputs).suffix.lower() not in _FILES:
        if Path(inputs).is_file():
            raise ClipError(f'{inputs} is not a .skeleton or .npy file: {_TAKEN}.')
        inputs = ClipStore(inputs)
    if isinstance(inputs, ClipStore):
        return inputs.names.tolist(), inputs
    if isinstance(inputs, (str, os.PathLike, np.ndarray, Tensor, Mapping)):
        inputs = [inputs]
    if not isinstance(inputs, Sequence):
        raise ClipError(f'{shown(inputs)} is not an input: {_TAKEN}.')
    if inputs and isinstance(inputs[0], (list, tuple)):
        inputs = _of_numbers(inputs)
    named = [pair for item in inputs for pair in _read(item)]
    return [name or f'clip {number}' for number, (name, _) in enumerate(named)], [clip for _, clip in named]


def _read(item: Any) -> list[tuple[str, np.ndarray]]:
    """Names, empty where there is none, and clips of one item of a list."""
    if isinstance(item, Mapping):
        return [(str(item.get('frame_dir', '')), annotated_clip(item))]
    if isinstance(item, Tensor):
        item = item.detach().cpu().numpy()
    if isinstance(item, np.ndarray):
        return [('', clip) for clip in item] if item.ndim == 5 else [('', item)]
    if not isinstance(item, (str, os.PathLike)) or Path(item).suffix.lower() not in _FILES:
        raise ClipError(f'{shown(item)} in the list is neither an array nor the path of a .skeleton file: {_TAKEN}.')
    path = Path(item)
    clips = _read(_FILES[path.suffix.lower()](path))
    return [(path.stem if len(clips) == 1 else f'{path.stem} {i}', clip) for i, (_, clip) in enumerate(clips)]


def _of_numbers(nested: Sequence) -> list[np.ndarray]:
    """Lists of numbers as an array; as one for each clip where clips are of different lengths."""
    try:
        return [np.asarray(nested, np.float32)]
    except (TypeError, ValueError):
        pass
    try:
        return [np.asarray(clip, np.float32) for clip in nested]
    except (TypeError, ValueError) as error:
        raise ClipError(f'The nested lists are not clips of numbers ({error}): {_TAKEN}.') from error


def _read_npy(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (EOFError, ValueError) as error:
        raise ClipError(f'{path} is not an array of numbers: {error}.') from error


_FILES: dict[str, Callable[[Path], np.ndarray]] = {'.skeleton': read_skeleton_file, '.npy': _read_npy}
