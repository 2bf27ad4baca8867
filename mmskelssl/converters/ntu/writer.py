"""Writes raw ``.skeleton`` files; :mod:`skeleton_file` describes their form."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmskelssl.converters.ntu.skeleton_file import MAX_BODIES
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.utils.errors import ClipError
from mmskelssl.utils.files import written_beside

_FIRST_BODY_ID = 72057594037930000
# Pinhole cameras of Kinect v2 as (focal length, centre x, centre y) in pixels: depth 512 x 424, colour 1920 x 1080.
_DEPTH_CAMERA = (365.5, 256.0, 212.0)
_COLOUR_CAMERA = (1060.0, 960.0, 540.0)
# Hands of unknown state, an upright body (lean 0), tracked (2).
_BODY_LINE = '%d 0 0 0 0 0 0 0 0 2'
# Orientation 0 0 0 0 is what Kinect gives for a joint without one. 9 digits hold a float32 exactly.
_JOINT_LINE = '%.9g %.9g %.9g %.2f %.2f %.2f %.2f 0 0 0 0 2'
_BODY = '\n'.join([_BODY_LINE, str(NTU25.num_joints), *[_JOINT_LINE] * NTU25.num_joints, ''])


def write_skeleton_file(path: str | os.PathLike, clip: np.ndarray, body_ids: Sequence[int] | None = None) -> None:
    """Writes a clip as a raw ``.skeleton`` file, which appears under its name when it is whole.

    A person is left out of the frames in which all its coordinates are zero. Coordinates survive as float32; depth and
    colour positions are those of ideal cameras at the origin, and orientations are unknown.

    Args:
        path: The file.
        clip: (M, T, 25, 3) joints in metres, in camera coordinates.
        body_ids: One id per person; by default consecutive ones.

    Raises:
        ClipError: If the clip has another shape, no frames or no finite coordinates, or not one id per person.
    """
    clip = np.asarray(clip)
    if clip.ndim != 4 or clip.shape[2:] != (NTU25.num_joints, 3) or not 1 <= len(clip) <= MAX_BODIES or not clip.size:
        raise ClipError(
            f"Clip '{Path(path).stem}' is {clip.shape}: a .skeleton file takes (M, T, {NTU25.num_joints}, 3) with "
            f'1 to {MAX_BODIES} persons and at least one frame.'
        )
    if not np.isfinite(clip).all():
        raise ClipError(f"Clip '{Path(path).stem}' has NaN or infinite coordinates.")
    body_ids = range(_FIRST_BODY_ID, _FIRST_BODY_ID + len(clip)) if body_ids is None else body_ids
    if len(set(body_ids)) != len(clip):
        raise ClipError(f"Clip '{Path(path).stem}' has {len(clip)} persons but body ids {list(body_ids)}.")
    joints = clip.astype(np.float64)
    fields = np.concatenate([joints, _projected(joints, *_DEPTH_CAMERA), _projected(joints, *_COLOUR_CAMERA)], axis=-1)
    with written_beside(path) as beside, open(beside, 'w', encoding='ascii', newline='\n') as file:
        file.write(f'{clip.shape[1]}\n')
        for frame in range(clip.shape[1]):
            persons = np.flatnonzero(clip[:, frame].any(axis=(1, 2))).tolist()
            file.write(f'{len(persons)}\n')
            file.writelines(_BODY % (body_ids[m], *fields[m, frame].ravel().tolist()) for m in persons)


def _projected(joints: np.ndarray, focal: float, centre_x: float, centre_y: float) -> np.ndarray:
    """(..., 2) pixels of (..., 3) joints; those less than a centimetre before the camera count as one away."""
    x, y, z = np.moveaxis(joints, -1, 0)
    scale = focal / np.maximum(z, 0.01)
    return np.stack([centre_x + scale * x, centre_y - scale * y], axis=-1)
