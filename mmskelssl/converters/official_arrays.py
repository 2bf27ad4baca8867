"""The arrays of the official programs, one pair of sides (``train``, ``val``) per split.

CMD, MMCV, ISC: ``{side}_data_joint.npy`` (N, C, T, V, M) padded to 300 frames, ``{side}_num_frame.npy`` (N,),
``{side}_label.pkl`` with (names, 0-based labels). 2s-AGCN: the same without lengths. CrosSCLR, AimCLR:
``{side}_position.npy`` of 50 frames, ``{side}_label.pkl``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmskelssl.converters.annotation import Classes, map_npy, whole_number
from mmskelssl.converters.base import RawClip, Reader, positions
from mmskelssl.converters.pickles import load_plain_pickle
from mmskelssl.converters.raw_files import PassedOver
from mmskelssl.datasets.layouts import NTU25, SkeletonLayout
from mmskelssl.utils.errors import ClipError, StoreError

# Sides of the arrays, and what they are called in a store.
SIDES = dict(train='train', val='test')
_ARRAYS = ('data_joint', 'position')
_SPLITS = dict(xsub='xsub', xview='xview', xset='xset', xsetup='xset')
_NUM_PROBED = 16


class _Side(NamedTuple):
    """The files of one side: the array (N, C, T, V, M), mapped, and what it says of its N clips."""

    name: str
    path: Path
    clips: np.ndarray
    names: list[str]
    labels: list[int | None]  # None for what is not a label
    lengths: np.ndarray | None


class OfficialArraysReader(Reader):
    """Reads both sides of one split; arrays are mapped, and the largest take little memory.

    Padding is taken off: persons without coordinates, and frames. A clip is as long as the file of lengths says, at
    most as long as the array. Without such a file, empty frames are taken off its end, and then repetitions:
    pre-normalization fills the padding of each person with its frames from the start, exactly. What was done to the
    coordinates before is kept; the store records the joints that it has put to the origin, which show it: ``mid spine``
    after the pre-normalization of CMD and 2s-AGCN, ``spine at shoulders`` after CrosSCLR's.

    Args:
        path: The folder.
        layout: What the joints mean.
        classes: Names of the classes; by default NTU RGB+D's for its names, and else numbers.
        split: Name of the split; by default that of the folder (``xsub``, ``xview``, ``xset``, ``xsetup``), or none.

    Raises:
        StoreError: If the folder has no such arrays, one of them has another shape or type, or is cut short, or names,
            labels and arrays differ in number.
    """

    pads_persons = True

    def __init__(
        self,
        path: str | os.PathLike,
        layout: SkeletonLayout = NTU25,
        classes: Sequence[str] | None = None,
        split: str | None = None,
    ) -> None:
        self.path = Path(path)
        self.layout = layout
        found = {side: _read_side(self.path, side, layout) for side in SIDES}
        self._sides = {name: side for name, side in found.items() if side}
        if not self._sides:
            raise StoreError(f'{self.path} has neither train_data_joint.npy (CMD, MMCV, ISC, 2s-AGCN) nor '
                             'train_position.npy (CrosSCLR, AimCLR), nor those of val.')  # fmt: skip
        if split is None:
            split = _SPLITS.get(self.path.resolve().name, '')
        self._prefix = f'{split}_' if split else ''
        self._places = [(side, i) for side in self._sides.values() for i in range(len(side.names))]
        heads = [(side.names[i], side.labels[i]) for side, i in self._places]
        usable = [(name, label) for name, label in heads if label is not None]
        self._classes = Classes([name for name, _ in usable], [label for _, label in usable], classes)
        self.classes = self._classes.names
        self.passed_over = _others(self.path)
        self.source = dict(
            dataset=self.path.name,
            format='official arrays',
            path=str(self.path),
            joints_at_origin=_joints_at_origin(next(iter(self._sides.values())).clips, layout),
        )

    def __len__(self) -> int:
        return len(self._places)

    def read(self, index: int) -> list[RawClip]:
        side, i = self._places[index]
        origin = f'{side.path}[{i}]'
        label = side.labels[i]
        if label is None:
            raise ClipError(f'{origin}: the label of {side.names[i]!r} is not a whole number')
        clip = np.ascontiguousarray(side.clips[i].transpose(3, 1, 2, 0), np.float32)
        try:
            attributes = dict(side=side.name) | self._classes.attributes(side.names[i], label)
        except ClipError as error:
            raise ClipError(f'{origin}: {error}') from error
        length = unpadded_length(clip) if side.lengths is None else int(side.lengths[i])
        if length < 1:
            raise ClipError(f'{origin}: {side.name}_num_frame.npy says {length} frames')
        return [RawClip(side.names[i], label, clip[:, :length], attributes, origin)]

    def splits(self, clips: Sequence[RawClip]) -> dict[str, list[int]]:
        return {f'{self._prefix}{SIDES[name]}': positions(clips, 'side', (name,)) for name in self._sides}


def unpadded_length(clip: np.ndarray) -> int:
    """Frames of a clip (M, T, V, C) without empty frames at its end and without the repetitions that may fill it.

    A person's frames repeat if each of them equals, bit by bit, the one a period earlier; the clip is as long as the
    longest period of its persons.
    """
    persons = clip[clip.any(axis=(1, 2, 3))]
    if not len(persons):
        return clip.shape[1]
    length = int(np.flatnonzero(persons.any(axis=(0, 2, 3)))[-1]) + 1
    return max(_period(person[:length]) for person in persons)


def _period(frames: np.ndarray) -> int:
    """The least number of frames (T, V, C) after which all frames come again; T if they do not."""
    again = np.flatnonzero((frames[1:] == frames[0]).all(axis=(1, 2))) + 1
    return next((int(n) for n in again if np.array_equal(frames[n:], frames[:-n])), len(frames))


def _label(value: Any) -> int | None:
    try:
        return whole_number(value)
    except ValueError:
        return None


def _others(folder: Path) -> PassedOver:
    read = {
        f'{side}_{kind}' for side in SIDES for kind in (*(f'{a}.npy' for a in _ARRAYS), 'label.pkl', 'num_frame.npy')
    }
    others = sorted(str(path) for path in folder.iterdir() if path.name not in read)
    return {'not arrays, labels or lengths of a side': others} if others else {}


def _read_side(folder: Path, side: str, layout: SkeletonLayout) -> _Side | None:
    arrays = [path for kind in _ARRAYS if (path := folder / f'{side}_{kind}.npy').exists()]
    if not arrays:
        return None
    if len(arrays) > 1:
        raise StoreError(f'{folder} has {arrays[0].name} and {arrays[1].name}: keep one of them there.')
    path, label_path, length_path = arrays[0], folder / f'{side}_label.pkl', folder / f'{side}_num_frame.npy'
    clips = map_npy(path)
    wanted = ('N', '2 or 3 coordinates', 'frames', f'{layout.num_joints} joints', 'persons')
    if clips.ndim != 5 or clips.shape[1] not in (2, 3) or clips.shape[3] != layout.num_joints or 0 in clips.shape:
        raise StoreError(f'{path} has shape {clips.shape}, not ({", ".join(wanted)}).')
    if clips.dtype.kind != 'f':
        raise StoreError(f'{path} holds {clips.dtype}, not floating-point coordinates.')
    names, labels = _names_and_labels(label_path)
    lengths = map_npy(length_path) if length_path.exists() else None
    if lengths is not None and (lengths.ndim != 1 or lengths.dtype.kind not in 'iu'):
        raise StoreError(f'{length_path} is {lengths.dtype}{lengths.shape}, not whole numbers (N,).')
    counts = {path: len(clips), f'{label_path}, names': len(names), f'{label_path}, labels': len(labels)}
    if lengths is not None:
        counts[length_path] = len(lengths)
    if len(set(counts.values())) > 1:
        raise StoreError(f'Numbers of clips differ: {", ".join(f"{key}: {count}" for key, count in counts.items())}.')
    return _Side(side, path, clips, names, labels, lengths)


def _names_and_labels(path: Path) -> tuple[list[str], list[int | None]]:
    content = load_plain_pickle(path)
    if not isinstance(content, (tuple, list)) or len(content) != 2:
        raise StoreError(f'{path} is not a pair of names and labels.')
    names, labels = (part.tolist() if isinstance(part, np.ndarray) else part for part in content)
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise StoreError(f'{path}: the first of the pair is not a list of names.')
    if not isinstance(labels, (list, tuple)):
        raise StoreError(f'{path}: the second of the pair is not a list of labels.')
    return [name.removesuffix('.skeleton') for name in names], list(map(_label, labels))


def _joints_at_origin(clips: np.ndarray, layout: SkeletonLayout) -> list[str]:
    """Joints of the first person that are zero in every frame of some clips."""
    probed = np.asarray(clips[:_NUM_PROBED, ..., 0])
    return [layout.joints[joint] for joint in np.flatnonzero(~probed.any(axis=(0, 1, 2)))]
