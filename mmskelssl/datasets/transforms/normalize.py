"""Normalizations: applied once to all frames of a store, before any augmentation.

Each takes and gives a packed :class:`ClipBatch`. Joints at exactly zero are missing, and stay so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.datasets.transforms.spatial import turn_about_y
from mmskelssl.registry import TRANSFORMS


class Normalization(ABC):
    """Maps the frames of whole clips to frames."""

    @abstractmethod
    def __call__(self, clips: ClipBatch, layout: SkeletonLayout) -> ClipBatch:
        """The clips with new frames; everything else is kept."""


def _where_tracked(frames: Tensor, changed: Tensor) -> Tensor:
    return torch.where((frames != 0).any(-1, keepdim=True), changed, 0)


@TRANSFORMS.register_module()
class CenterClip(Normalization):
    """Moves the first person's lower spine joint to the origin; other persons keep their distance to it.

    Args:
        each_frame: Whether every frame is moved by itself, which takes walking out of the clip. By default the whole
            clip is moved by its first frame.
    """

    def __init__(self, each_frame: bool = False) -> None:
        self.each_frame = each_frame

    def __call__(self, clips: ClipBatch, layout: SkeletonLayout) -> ClipBatch:
        clip = clips.clip_of_row()
        row = clips.offsets[clip]
        if self.each_frame:
            row = row + (torch.arange(len(clip)) - row) % clips.num_frames[clip]
        origin = clips.frames[row, layout.spine[0]][:, None]
        return clips._replace(frames=_where_tracked(clips.frames, clips.frames - origin))


@TRANSFORMS.register_module()
class AlignShoulders(Normalization):
    """Turns each clip about the vertical axis (y) until the first person's shoulder line, on average, is along x.

    So clips of one action look alike from every camera.
    """

    def __call__(self, clips: ClipBatch, layout: SkeletonLayout) -> ClipBatch:
        left, right = layout.shoulders
        clip = clips.clip_of_row()
        is_first = torch.arange(len(clip)) < (clips.offsets + clips.num_frames)[clip]
        shoulders = clips.frames[:, [left, right]]
        counts = is_first & (shoulders != 0).any(-1).all(1)
        across = (shoulders[:, 1] - shoulders[:, 0]) * counts[:, None]
        mean = torch.zeros(len(clips.offsets), across.shape[1]).index_add_(0, clip, across)
        matrix = turn_about_y(torch.atan2(mean[:, 2], mean[:, 0]))
        # A joint at the origin is turned into itself: no joint goes missing or comes back.
        return clips._replace(frames=clips.frames @ matrix[clip].transpose(1, 2))
