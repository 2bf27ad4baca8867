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
from mmskelssl.datasets.transforms.reference import fill_over_time, first_rows, is_tracked, leader_rows
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


def _where_tracked(frames: Tensor, changed: Tensor) -> Tensor:
    return torch.where(is_tracked(frames)[..., None], changed, 0)


def _turned(frames: Tensor, matrix: Tensor) -> Tensor:
    """(R, V, 3) joints through (R, 3, 3) matrices for column vectors."""
    # A joint at the origin is turned into itself: no joint goes missing or comes back.
    return frames @ matrix.transpose(1, 2)


def _across(frames: Tensor, shoulders: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """(R, C) from the left to the right shoulder, zero where one of them is missing; (R,) bool, where none is."""
    left, right = (frames[:, joint] for joint in shoulders)
    known = is_tracked(left) & is_tracked(right)
    return (right - left) * known[:, None], known


def _any_of_clip(clips: ClipBatch, of_row: Tensor) -> Tensor:
    """(N,) bool of (R,)."""
    return first_rows(clips, of_row)[1]


def _angle_to_x(vectors: Tensor) -> Tensor:
    """(R,) turns about y that bring (R, 3) vectors over the x axis."""
    return torch.atan2(vectors[:, 2], vectors[:, 0])


@TRANSFORMS.register_module()
class CenterClip(Normalization):
    """Moves a person's spine joint to the origin; other persons keep their distance to it.

    The person is the first in whose frames the joint is tracked. Where a layout has no spine, the root of the skeleton
    is moved there (the wrist of a hand).

    Args:
        each_frame: Whether every frame is moved by itself, which takes walking out of the clip; where the joint is
            lost, its place is interpolated between the frames before and after. By default the whole clip is moved by
            the first frame that has the joint.
        joint: ``lower``, that of the hips, or ``upper``, the other end of the spine bone (CTR-GCN, MAMP).
    """

    def __init__(self, each_frame: bool = False, joint: str = 'lower') -> None:
        if joint not in ('lower', 'upper'):
            raise ConfigError(f"CenterClip: joint='{joint}' is neither 'lower' nor 'upper'.")
        self.each_frame = each_frame
        self.joint = joint

    def _origin(self, clips: ClipBatch, layout: SkeletonLayout) -> Tensor:
        """(R, C) the joint in every row."""
        joint = layout.origin if self.joint == 'lower' else layout.require('spine', "CenterClip(joint='upper')")[1]
        return clips.frames[:, joint]

    def normalize(self, clips: ClipBatch, layout: SkeletonLayout) -> ClipBatch:
        joint = self._origin(clips, layout)
        known = is_tracked(joint)
        if self.each_frame:
            origin = fill_over_time(clips, joint, known)[0][leader_rows(clips, known)]
        else:
            origin = joint[first_rows(clips, known)[0]][clips.clip_of_row()]
        return clips._replace(frames=_where_tracked(clips.frames, clips.frames - origin[:, None]))

    def lacks_reference(self, clips: ClipBatch, layout: SkeletonLayout) -> Tensor:
        return ~_any_of_clip(clips, is_tracked(self._origin(clips, layout)))


@TRANSFORMS.register_module()
class AlignShoulders(Normalization):
    """Turns about the vertical axis (y) until the shoulder line is along x, so that all cameras see alike.

    A shoulder line is one of two tracked shoulders.

    Args:
        each_frame: Whether every frame of every person is turned by itself (CrosSCLR; its program takes the sign of the
            angle from the sum over the clip, and so turns frames of the other sign away); a lost shoulder line is
            interpolated between those before and after. By default the whole clip is turned by the mean shoulder line
            of the first person that has any.
    """

    def __init__(self, each_frame: bool = False) -> None:
        self.each_frame = each_frame

    def normalize(self, clips: ClipBatch, layout: SkeletonLayout) -> ClipBatch:
        _check_space(self, clips)
        across, known = _across(clips.frames, layout.require('shoulders', 'AlignShoulders'))
        if self.each_frame:
            matrix = turn_about_y(_angle_to_x(fill_over_time(clips, across, known)[0]))
        else:
            clip = clips.clip_of_row()
            is_leader = leader_rows(clips, known) == torch.arange(clip.shape[0], device=clip.device)
            mean = across.new_zeros(clips.offsets.shape[0], 3).index_add_(0, clip, across * is_leader[:, None])
            matrix = turn_about_y(_angle_to_x(mean))[clip]
        return clips._replace(frames=_turned(clips.frames, matrix))

    def lacks_reference(self, clips: ClipBatch, layout: SkeletonLayout) -> Tensor:
        across, known = _across(clips.frames, layout.require('shoulders', 'AlignShoulders'))
        if self.each_frame:
            return _any_of_clip(clips, ~fill_over_time(clips, across, known)[1])
        return ~_any_of_clip(clips, known)


@TRANSFORMS.register_module()
class CenterPersons(Normalization):
    """Moves every person's centre of the skeleton to the origin, in every frame (CrosSCLR).

    Where that joint is lost, its place is interpolated between the frames before and after. The distance between
    persons is lost.
    """

    def normalize(self, clips: ClipBatch, layout: SkeletonLayout) -> ClipBatch:
        joint = clips.frames[:, layout.center]
        origin, _ = fill_over_time(clips, joint, is_tracked(joint))
        return clips._replace(frames=_where_tracked(clips.frames, clips.frames - origin[:, None]))

    def lacks_reference(self, clips: ClipBatch, layout: SkeletonLayout) -> Tensor:
        joint = clips.frames[:, layout.center]
        return _any_of_clip(clips, ~fill_over_time(clips, joint, is_tracked(joint))[1])


@TRANSFORMS.register_module()
class ScaleBones(Normalization):
    """Divides a clip by the mean length of its bones, so that tall and small persons are alike.

    The mean is over persons, frames and the bones whose joints are both tracked; distances between persons are scaled
    alike.
    """

    def normalize(self, clips: ClipBatch, layout: SkeletonLayout) -> ClipBatch:
        length, number = self._bones(clips, layout)
        scale = torch.where(length > 0, number / length.clamp(min=1e-12), 1.0)
        return clips._replace(frames=clips.frames * scale.float()[clips.clip_of_row(), None, None])

    def lacks_reference(self, clips: ClipBatch, layout: SkeletonLayout) -> Tensor:
        return self._bones(clips, layout)[0] == 0

    def _bones(self, clips: ClipBatch, layout: SkeletonLayout) -> tuple[Tensor, Tensor]:
        """(N,) float64 sum of the lengths of all tracked bones, and their number."""
        joint, parent = (list(side) for side in zip(*layout.bones, strict=True))
        ends, starts = clips.frames[:, joint], clips.frames[:, parent]
        known = is_tracked(ends) & is_tracked(starts)
        lengths = (ends - starts).norm(dim=-1) * known
        zero = torch.zeros_like(clips.offsets, dtype=torch.float64)
        clip = clips.clip_of_row()
        sums = (zero.index_add(0, clip, of_row.sum(1).double()) for of_row in (lengths, known))
        return tuple(sums)  # type: ignore[return-value]  # of two


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
        dense = resize(clips, torch.zeros_like(clips.num_frames), clips.num_frames, self.num_frames)
        num_persons = clips.num_persons.clamp(max=clips.max_persons)  # no view shows further ones
        present = torch.arange(clips.max_persons, device=num_persons.device) < num_persons[:, None]
        lengths = self.lengths(clips.num_frames)
        rows = lengths * num_persons
        return clips._replace(
            frames=dense[present].flatten(0, 1),
            offsets=rows.cumsum(0) - rows,
            num_frames=lengths,
            num_persons=num_persons,
        )


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

    Persons who are tracked with all of their joints, or absent, as in the data of the official programs, get the
    programs' numbers. That is why nobody is moved while the first person is absent. A single lost joint, which those
    data do not have, is not taken for the origin: the upper spine joint is interpolated between the frames before and
    after, and the rotations are those of the first frame with both of their joints, of the first person that has one.
    """

    def normalize(self, clips: ClipBatch, layout: SkeletonLayout) -> ClipBatch:
        _check_space(self, clips)
        spine, shoulders = self._joints(layout)
        clips = clips._replace(frames=clips.frames[_tracked_first(clips)])
        tracked = is_tracked(clips.frames)
        upper, is_known = clips.frames[:, spine[1]], tracked[:, spine[1]]
        place, _ = fill_over_time(clips, upper, is_known)
        origin = (place * tracked.any(1, keepdim=True))[leader_rows(clips, is_known)]
        to_z = _rotation_onto(_first_bone(clips, spine), (0, 0, 1))
        across = to_z @ _first_bone(clips, shoulders)[..., None]
        matrix = _rotation_onto(across.squeeze(-1), (1, 0, 0)) @ to_z
        moved = _where_tracked(clips.frames, clips.frames - origin[:, None])
        return clips._replace(frames=_turned(moved, matrix.float()[clips.clip_of_row()]))

    def lacks_reference(self, clips: ClipBatch, layout: SkeletonLayout) -> Tensor:
        spine, shoulders = (is_tracked(clips.frames[:, list(joints)]).all(1) for joints in self._joints(layout))
        return ~(_any_of_clip(clips, spine) & _any_of_clip(clips, shoulders))

    def _joints(self, layout: SkeletonLayout) -> tuple[tuple[int, int], tuple[int, int]]:
        return layout.require('spine', 'PreNormalize'), layout.require('shoulders', 'PreNormalize')


def _first_bone(clips: ClipBatch, joints: tuple[int, int]) -> Tensor:
    """(N, C) float64 between two joints in the first frame that has both; zero without such a frame."""
    start, end = (clips.frames[:, joint] for joint in joints)
    row, is_found = first_rows(clips, is_tracked(start) & is_tracked(end))
    return (end[row].double() - start[row].double()) * is_found[:, None]


def _tracked_first(clips: ClipBatch) -> Tensor:
    """(R,) the row that every row's frame is taken from, by the first two rules of :class:`PreNormalize`."""
    frame = clips.frame_of_row()
    num_rows = frame.shape[0]
    row = torch.arange(num_rows, device=frame.device)
    start = row - frame
    present = is_tracked(clips.frames).any(1)
    is_kept = present | present[start]
    number = is_kept.cumsum(0) - is_kept.long()
    moved_to = number - number[start]
    period = torch.zeros_like(row).scatter_reduce(0, start, (moved_to + 1) * present, 'amax')[start]
    # Skipped rows go behind all others, where nobody looks.
    order = torch.arange(num_rows + 1, device=frame.device)
    order = order.scatter(0, torch.where(is_kept, start + moved_to, num_rows), row)
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
    cross = torch.linalg.cross(F.normalize(normal)[:, None].expand(-1, 3, -1), eye.expand(normal.shape[0], 3, 3))
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
    offsets, num_frames, num_persons = (torch.tensor([number]) for number in (0, length, persons))
    batch = ClipBatch(frames.flatten(0, 1), offsets, num_frames, num_persons, persons)
    for step in steps:
        batch = step.normalize(batch, get_layout(layout))
    result = batch.frames.view(persons, -1, *frames.shape[2:])
    return result if isinstance(clip, Tensor) else result.numpy()


def pre_normalize(clip: np.ndarray | Tensor, layout: str | Mapping | SkeletonLayout) -> np.ndarray | Tensor:
    """:class:`PreNormalize` of one clip (M, T, V, 3), as :func:`normalize_clip`.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> clip = pre_normalize(rng.normal(size=(1, 40, 25, 3)), 'ntu25')
        >>> clip[0, 0, 1].round(6).tolist()  # the middle of the spine is the origin
        [0.0, 0.0, 0.0]
    """
    return normalize_clip(clip, [PreNormalize()], layout)
