"""Normalizations of whole clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.layouts import SkeletonLayout, get_layout
from mmskelssl.datasets.transforms.base import Normalization
from mmskelssl.datasets.transforms.spatial import turn_about_y
from mmskelssl.datasets.transforms.temporal import resize
from mmskelssl.registry import TRANSFORMS
from mmskelssl.utils.errors import ConfigError, check_at_least


def _check_space(step: Normalization, clips: ClipBatch) -> None:
    num_coords = clips.frames.shape[-1]
    if num_coords != 3:
        raise ConfigError(
            f'{type(step).__name__} turns clips in space: they need 3 coordinates per joint, not {num_coords}.'
        )


def _tracked(joints: Tensor) -> Tensor:
    """(R, V) bool of (R, V, C)."""
    return (joints != 0).any(-1)


def _where_tracked(frames: Tensor, changed: Tensor) -> Tensor:
    return torch.where(_tracked(frames)[..., None], changed, 0)


def _turned(frames: Tensor, matrix: Tensor) -> Tensor:
    """(R, V, 3) joints through (R, 3, 3) matrices for column vectors."""
    # A joint at the origin is turned into itself: no joint goes missing or comes back.
    return frames @ matrix.transpose(1, 2)


def _across(frames: Tensor, shoulders: tuple[int, int]) -> Tensor:
    """(R, C) from the left to the right shoulder, zero where one of them is missing."""
    left, right = (frames[:, joint] for joint in shoulders)
    return (right - left) * (_tracked(left) & _tracked(right))[:, None]


def _angle_to_x(vectors: Tensor) -> Tensor:
    """(R,) turns about y that bring (R, 3) vectors over the x axis."""
    return torch.atan2(vectors[:, 2], vectors[:, 0])


@TRANSFORMS.register_module()
class CenterClip(Normalization):
    """Moves the first person's lower spine joint to the origin; other persons keep their distance to it.

    Where a layout has no spine, the root of the skeleton is moved there (the wrist of a hand).

    Args:
        each_frame: Whether every frame is moved by itself, which takes walking out of the clip. By default the whole
            clip is moved by its first frame.
    """

    def __init__(self, each_frame: bool = False) -> None:
        self.each_frame = each_frame

    def normalize(self, clips: ClipBatch, layout: SkeletonLayout) -> ClipBatch:
        row = clips.offsets[clips.clip_of_row()]
        if self.each_frame:
            row = row + clips.frame_of_row()
        origin = clips.frames[row, layout.origin][:, None]
        return clips._replace(frames=_where_tracked(clips.frames, clips.frames - origin))


@TRANSFORMS.register_module()
class AlignShoulders(Normalization):
    """Turns about the vertical axis (y) until the shoulder line is along x, so that all cameras see alike.

    Args:
        each_frame: Whether every frame of every person is turned by itself (CrosSCLR; its program takes the sign of the
            angle from the sum over the clip, and so turns frames of the other sign away). By default the whole clip is
            turned by the first person's mean shoulder line.
    """

    def __init__(self, each_frame: bool = False) -> None:
        self.each_frame = each_frame

    def normalize(self, clips: ClipBatch, layout: SkeletonLayout) -> ClipBatch:
        _check_space(self, clips)
        across = _across(clips.frames, layout.require('shoulders', 'AlignShoulders'))
        if self.each_frame:
            matrix = turn_about_y(_angle_to_x(across))
        else:
            clip = clips.clip_of_row()
            is_first = torch.arange(len(clip), device=clip.device) < (clips.offsets + clips.num_frames)[clip]
            mean = across.new_zeros(len(clips.offsets), 3).index_add_(0, clip, across * is_first[:, None])
            matrix = turn_about_y(_angle_to_x(mean))[clip]
        return clips._replace(frames=_turned(clips.frames, matrix))


@TRANSFORMS.register_module()
class CenterPersons(Normalization):
    """Moves every person's centre of the skeleton to the origin, in every frame (CrosSCLR).

    The distance between persons is lost.
    """

    def normalize(self, clips: ClipBatch, layout: SkeletonLayout) -> ClipBatch:
        origin = clips.frames[:, [layout.center]]
        return clips._replace(frames=_where_tracked(clips.frames, clips.frames - origin))


@TRANSFORMS.register_module()
class ResizeClips(Normalization):
    """Brings all clips to one length by linear interpolation (see :func:`resize`).

    Args:
        num_frames: The length.
    """

    def __init__(self, num_frames: int) -> None:
        check_at_least(1, self, num_frames=num_frames)
        self.num_frames = num_frames

    def lengths(self, num_frames: Tensor) -> Tensor:
        return torch.full_like(num_frames, self.num_frames)

    def normalize(self, clips: ClipBatch, layout: SkeletonLayout) -> ClipBatch:
        everyone = clips._replace(max_persons=int(clips.num_persons.max()))
        dense = resize(everyone, torch.zeros_like(clips.num_frames), clips.num_frames, self.num_frames)
        present = torch.arange(everyone.max_persons, device=clips.num_persons.device) < clips.num_persons[:, None]
        lengths = self.lengths(clips.num_frames)
        rows = lengths * clips.num_persons
        return clips._replace(frames=dense[present].flatten(0, 1), num_frames=lengths, offsets=rows.cumsum(0) - rows)


@TRANSFORMS.register_module()
class PreNormalize(Normalization):
    """The pre-normalization of 2s-AGCN, used by ISC, CMD, I²MD and MMCV.

    1. A person who is absent at first is moved forward in time, without its absences.
    2. Once a person is gone for good, its frames are repeated from the start.
    3. In every frame, the upper spine joint of the first person is moved to the origin; other persons keep their
       distance to it.
    4. All is turned by the rotation that brings the spine bone of the first person's first frame onto +z,
    5. and by the one that then brings its shoulder line, from left to right, onto +x.

    Both rotations are the least ones. So the place is removed entirely, the direction that a clip was seen from only as
    far as the shoulder line is perpendicular to the spine bone.
    """

    def normalize(self, clips: ClipBatch, layout: SkeletonLayout) -> ClipBatch:
        _check_space(self, clips)
        lower, upper = layout.require('spine', 'PreNormalize')
        left, right = layout.require('shoulders', 'PreNormalize')
        clip = clips.clip_of_row()
        frames = clips.frames[_tracked_first(clips)]
        origin = frames[clips.offsets[clip] + clips.frame_of_row(), upper]
        frames = _where_tracked(frames, frames - origin[:, None])
        first = frames[clips.offsets].double()
        to_z = _rotation_onto(first[:, upper] - first[:, lower], (0, 0, 1))
        across = to_z @ (first[:, right] - first[:, left])[..., None]
        matrix = _rotation_onto(across.squeeze(-1), (1, 0, 0)) @ to_z
        return clips._replace(frames=_turned(frames, matrix.float()[clip]))


def _tracked_first(clips: ClipBatch) -> Tensor:
    """(R,) the row that every row's frame is taken from, by the first two rules of :class:`PreNormalize`."""
    frame = clips.frame_of_row()
    row = torch.arange(len(frame), device=frame.device)
    start = row - frame
    present = _tracked(clips.frames).any(1)
    skipped = ~present & ~present[start]
    order = (2 * start + skipped).argsort(stable=True)
    until = ((frame + 1) * present[order]).to(torch.int64)
    period = torch.zeros_like(row).scatter_reduce_(0, start, until, 'amax')[start]
    return order[start + frame % period.clamp(min=1)]


def _rotation_onto(vectors: Tensor, axis: tuple[float, float, float]) -> Tensor:
    """(N, 3, 3) matrices of the least rotations that bring (N, 3) vectors onto an axis of length 1.

    Rodrigues' formula. A vector without a direction, or straight against the axis, is left where it is, as the official
    programs do.
    """
    target = vectors.new_tensor(axis)
    normal = torch.linalg.cross(vectors, target.expand_as(vectors))
    unit = F.normalize(vectors)
    cosine = unit @ target
    sine = torch.linalg.norm(torch.linalg.cross(unit, target.expand_as(unit)), dim=1)
    eye = torch.eye(3, dtype=vectors.dtype, device=vectors.device)
    cross = torch.linalg.cross(F.normalize(normal)[:, None].expand(-1, 3, -1), eye.expand(len(normal), 3, 3))
    # Row i is the product with unit vector i, so the matrix is the transpose.
    cross = cross.transpose(1, 2)
    rotation = eye + sine[:, None, None] * cross + (1 - cosine)[:, None, None] * (cross @ cross)
    return torch.where((normal.abs().sum(1) < 1e-6)[:, None, None], eye, rotation)


def normalize_clip(
    clip: np.ndarray | Tensor, steps: Sequence[Normalization], layout: str | Mapping | SkeletonLayout
) -> np.ndarray | Tensor:
    """Normalizes one clip.

    Args:
        clip: (M, T, V, C) coordinates; persons without any stay so.
        steps: Normalizations in their order.
        layout: What the joints mean.

    Returns:
        (M, T', V, C) float32, an array or a tensor as ``clip`` is.
    """
    frames = torch.as_tensor(clip).float()
    persons, length = frames.shape[:2]
    columns = (torch.tensor([number]) for number in (0, length, persons))
    batch = ClipBatch(frames.flatten(0, 1), *columns, persons)
    for step in steps:
        batch = step.normalize(batch, get_layout(layout))
    result = batch.frames.view(persons, -1, *frames.shape[2:])
    return result if isinstance(clip, Tensor) else result.numpy()


def pre_normalize(clip: np.ndarray | Tensor, layout: str | Mapping | SkeletonLayout) -> np.ndarray | Tensor:
    """:class:`PreNormalize` of one clip (M, T, V, 3), as :func:`normalize_clip`."""
    return normalize_clip(clip, [PreNormalize()], layout)
