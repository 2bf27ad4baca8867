"""The pickles of PYSKL (Duan et al., PYSKL: Towards Good Practices for Skeleton Action Recognition) and MMAction2.

A dict with ``annotations``, a list of dicts with ``frame_dir`` (the name), ``label``, ``total_frames`` and ``keypoint``
(M, T, V, C), for 2D also ``keypoint_score`` (M, T, V) and ``img_shape`` (height, width); and ``split``, a dict of lists
of names. The oldest hold only the list.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmskelssl.converters.annotation import Classes, whole_number
from mmskelssl.converters.base import RawClip, Reader
from mmskelssl.converters.messages import shown, some
from mmskelssl.converters.pickles import load_plain_pickle
from mmskelssl.datasets.layouts import COCO17, KINECT20, NTU25, SkeletonLayout
from mmskelssl.utils.errors import ClipError, StoreError

THIRD = ('score', 'zero')
MAX_PIXELS = 100_000
# By joints and coordinates; others have to be named.
_LAYOUTS: dict[tuple[int, ...], SkeletonLayout] = {(25, 3): NTU25, (20, 3): KINECT20, (17, 2): COCO17}


class PysklReader(Reader):
    """Reads a pickle without unpickling it (:mod:`mmskelssl.converters.pickles`).

    Coordinates in space are kept as they are. Pixels become lengths in the image: its middle is the origin, half its
    height is 1, x goes right and y down. A third coordinate makes them fit encoders and transforms of three: it is the
    keypoint's score, as PYSKL's networks get it, or zero, which makes the body one in a plane of space, where shears
    and turns have a meaning. A keypoint of score 0 is missing, and becomes zero.

    Args:
        path: The pickle.
        layout: What the joints mean; by default ``ntu25`` or ``kinect20`` in space, ``coco17`` in images, by their
            number.
        classes: Names of the classes; by default NTU RGB+D's for its names, and else numbers.
        third: Third coordinate of pixels, ``score`` or ``zero``.

    Raises:
        StoreError: If the file holds something else, or its layout is not known.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        layout: SkeletonLayout | None = None,
        classes: Sequence[str] | None = None,
        third: str = 'score',
    ) -> None:
        self.path = Path(path)
        self._annotations, self._splits = _parts(load_plain_pickle(path), self.path)
        self._third = third
        shape = _first_shape(self._annotations)
        self.layout = layout or _known_layout(shape, self.path)
        heads = [head for head in map(_head, self._annotations) if head]
        self._names = {name for name, _ in heads}
        self._classes = Classes([name for name, _ in heads], [label for _, label in heads], classes)
        self.classes = self._classes.names
        self.source = dict(dataset=self.path.stem, format='PYSKL pickle', path=str(self.path))
        if shape[-1:] == (2,):
            self.source.update(coordinates='half image heights from the middle', third=third)

    def __len__(self) -> int:
        return len(self._splits) + len(self._annotations)

    def read(self, index: int) -> Iterator[RawClip | ClipError]:
        """The clip of an annotation; what is wrong with a split."""
        if index < len(self._splits):
            name, members = list(self._splits.items())[index]
            absent = sorted(set(members) - self._names)
            if absent:
                yield ClipError(f'{self.path}: split[{name!r}] names {some(absent)}, but there is no such annotation')
            return
        index -= len(self._splits)
        origin = f'{self.path}: annotations[{index}]'
        try:
            yield self._read(self._annotations[index], origin)
        except ClipError as error:
            raise ClipError(f'{origin}: {error}') from error

    def _read(self, annotation: Any, origin: str) -> RawClip:
        stated_name, stated_label = (_value(annotation, key) for key in ('frame_dir', 'label'))
        if (head := _head(annotation)) is None:
            raise ClipError(
                f'frame_dir {shown(stated_name)} or label {shown(stated_label)} is not text and a whole number'
            )
        name, label = head
        clip = annotated_clip(annotation, self._third)
        return RawClip(name, label, clip, self._classes.attributes(name, label), origin)

    def splits(self, clips: Sequence[RawClip]) -> dict[str, list[int]]:
        """The pickle's own; ``X_val`` is called ``X_test``, as everywhere else, unless that name is taken."""
        positions = {clip.name: i for i, clip in enumerate(clips)}
        return {
            self._split_name(name): [positions[member] for member in dict.fromkeys(members) if member in positions]
            for name, members in self._splits.items()
        }

    def _split_name(self, name: str) -> str:
        stem = name.removesuffix('val')
        renamed = f'{stem}test'
        return renamed if stem != name and (not stem or stem.endswith('_')) and renamed not in self._splits else name


def annotated_clip(annotation: Any, third: str = 'score') -> np.ndarray:
    """The clip (M, T, V, 3) float32 of an annotation, whose name and label may be missing.

    Args:
        annotation: A dict with ``keypoint``, and for pixels ``keypoint_score`` and ``img_shape``.
        third: As for :class:`PysklReader`.

    Raises:
        ClipError: If something else is in it.
    """
    keypoint = _array(annotation, 'keypoint', 4)
    stated = annotation.get('total_frames', keypoint.shape[1])
    if not isinstance(stated, int) or stated != keypoint.shape[1]:
        raise ClipError(f'total_frames is {shown(stated)}, but keypoint has {keypoint.shape[1]} frames')
    return _in_image(keypoint, annotation, third) if keypoint.shape[-1] == 2 else keypoint.astype(np.float32)


def _parts(content: Any, path: Path) -> tuple[list, dict[str, list[str]]]:
    if isinstance(content, list):
        content = dict(annotations=content)
    if not isinstance(content, dict) or not isinstance(content.get('annotations'), list):
        raise StoreError(f"{path} is not a pickle of PYSKL: a dict with a list 'annotations' is needed.")
    if not content['annotations']:
        raise StoreError(f"{path}: 'annotations' is empty.")
    splits = content.get('split', {})
    if not isinstance(splits, dict):
        raise StoreError(f"{path}: 'split' is a {type(splits).__name__}, not a dict of lists of names.")
    for name, members in splits.items():
        is_list = isinstance(members, (list, tuple)) or getattr(members, 'ndim', 0) == 1
        if not isinstance(name, str) or not is_list or not all(isinstance(member, str) for member in members):
            raise StoreError(f'{path}: split[{shown(name)}] is not a list of names.')
    return content['annotations'], {name: list(map(str, members)) for name, members in splits.items()}


def _first_shape(annotations: list) -> tuple[int, ...]:
    """The shape of the first keypoints of any annotation that has them."""
    keypoints = (item.get('keypoint') for item in annotations if isinstance(item, dict))
    return next((array.shape for array in keypoints if isinstance(array, np.ndarray) and array.ndim == 4), ())


def _known_layout(shape: tuple[int, ...], path: Path) -> SkeletonLayout:
    if not shape:
        raise StoreError(f"{path}: no annotation has an array (M, T, V, C) under 'keypoint'.")
    if shape[2:] not in _LAYOUTS:
        raise StoreError(f'{path}: {shape[2]} joints of {shape[3]} coordinates do not belong to a known layout: '
                         'add --layout.')  # fmt: skip
    return _LAYOUTS[shape[2:]]


def _head(annotation: Any) -> tuple[str, int] | None:
    """``frame_dir`` and ``label`` if they are text and a whole number."""
    try:
        name, label = annotation['frame_dir'], whole_number(annotation['label'])
    except (LookupError, TypeError, ValueError):
        return None
    return (name, label) if isinstance(name, str) else None


def _value(annotation: Any, key: str) -> Any:
    if not isinstance(annotation, dict):
        raise ClipError(f'it is a {type(annotation).__name__}, not a dict')
    if key not in annotation:
        raise ClipError(f'it has no {key!r}, but {some(list(annotation))}')
    return annotation[key]


def _array(annotation: dict, key: str, num_axes: int) -> np.ndarray:
    array = _value(annotation, key)
    if not isinstance(array, np.ndarray) or array.ndim != num_axes or array.dtype.kind not in 'fiu':
        found = f'{array.dtype}{array.shape}' if isinstance(array, np.ndarray) else type(array).__name__
        raise ClipError(f'{key} is {found}, not an array of numbers with {num_axes} axes')
    return array


def _in_image(keypoint: np.ndarray, annotation: dict, third: str) -> np.ndarray:
    score = _array(annotation, 'keypoint_score', 3).astype(np.float32)
    if score.shape != keypoint.shape[:3]:
        raise ClipError(f'keypoint_score has shape {score.shape}, but keypoint {keypoint.shape}')
    try:
        height, width = map(whole_number, np.asarray(_value(annotation, 'img_shape')).tolist())
    except (TypeError, ValueError) as error:
        raise ClipError(f'img_shape is not (height, width): {error}') from error
    if not (1 <= height <= MAX_PIXELS and 1 <= width <= MAX_PIXELS):
        raise ClipError(f'img_shape {height} x {width} is not that of an image')
    middle = np.array([width, height], np.float32) / 2
    plane = (keypoint.astype(np.float32) - middle) / (height / 2)
    depth = score if third == 'score' else np.zeros_like(score)
    return np.where(score[..., None] > 0, np.concatenate([plane, depth[..., None]], axis=-1), np.float32(0))
