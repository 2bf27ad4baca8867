"""From clips of any length to views of one length."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.keyed_random import KeyedRandom
from mmskelssl.datasets.transforms.base import SkeletonTransform
from mmskelssl.registry import TRANSFORMS
from mmskelssl.utils.errors import ConfigError, check_at_least

# Speeds that are drawn over a window; between them, the speed changes linearly.
_PACES = 5


def resize(clips: ClipBatch, start: Tensor, length: Tensor, num_frames: int, moments: Tensor | None = None) -> Tensor:
    """Linearly interpolates a window of each clip.

    Half-pixel centres with clamped edges, as ``torch.nn.functional.interpolate(align_corners=False)`` and OpenCV's
    resize.

    Args:
        clips: N clips.
        start: (N,) first frame of each window.
        length: (N,) frames of each window.
        num_frames: Frames of the result.
        moments: (N, num_frames) when they are taken, in shares of the window from 0 to 1; by default evenly.

    Returns:
        (N, M, num_frames, V, C).
    """
    if moments is None:
        steps = torch.arange(num_frames, device=start.device, dtype=torch.float32) + 0.5
        position = (steps * (length / num_frames)[:, None] - 0.5).clamp(min=0)
    else:
        position = (moments * length[:, None] - 0.5).clamp(min=0)
    last = (length - 1)[:, None]
    lower = position.long().clamp(max=last)
    upper = (lower + 1).clamp(max=last)
    return clips.sample(start[:, None] + lower, start[:, None] + upper, position - lower)


@TRANSFORMS.register_module()
class TemporalCropResize(SkeletonTransform):
    """Crops a random window and resizes it (the temporal augmentation of ISC, CMD, I²MD and MMCV).

    The window has ``min(max(floor(n * r), min_frames), n)`` of the clip's n frames, r uniform in ``ratio``.

    Required keys: ``clips``, ``random``. Added key: ``inputs`` (N, M, num_frames, V, C).

    Args:
        num_frames: Frames of the view.
        ratio: Range of r.
        min_frames: Least length of a window, for clips that have so many frames.
        warp: How unevenly time passes: 0 for evenly, as in the papers; with w the speed changes smoothly between
            1 / (1 + w) and 1 + w times the same, before it is brought to the length of the window.
    """

    takes = 'clips'

    def __init__(
        self, num_frames: int = 64, ratio: tuple[float, float] = (0.1, 1.0), min_frames: int = 64, warp: float = 0.0
    ) -> None:
        if not 0 < ratio[0] <= ratio[1] <= 1:
            raise ConfigError(f'TemporalCropResize: ratio={ratio} is not a range within (0, 1].')
        check_at_least(1, self, num_frames=num_frames, min_frames=min_frames)
        check_at_least(0, self, warp=warp)
        self.num_frames = num_frames
        self.ratio = tuple(ratio)
        self.min_frames = min_frames
        self.warp = warp

    def transform(self, results: dict) -> dict:
        clips, random = results['clips'], results['random']
        total = clips.num_frames
        share = random.uniform(low=self.ratio[0], high=self.ratio[1])
        length = (total * share).long().clamp(min=self.min_frames).minimum(total)
        start = random.integers(total - length + 1)
        moments = self._moments(random) if self.warp else None
        return dict(results, inputs=resize(clips, start, length, self.num_frames, moments))

    def _moments(self, random: KeyedRandom) -> Tensor:
        """(N, T) centres of the time that passes in each frame, as shares of the window."""
        bound = math.log1p(self.warp)
        pace = random.uniform(_PACES, low=-bound, high=bound)[:, None]
        speed = F.interpolate(pace, self.num_frames, mode='linear', align_corners=True)[:, 0].exp()
        passed = speed.cumsum(1)
        return (passed - speed / 2) / passed[:, -1:]


@TRANSFORMS.register_module()
class CenterCropResize(SkeletonTransform):
    """Resizes the middle part of each clip: what the papers test on.

    Required key: ``clips``. Added key: ``inputs`` (N, M, num_frames, V, C).

    Args:
        num_frames: Frames of the view.
        ratio: Share of the frames that is kept; 1 keeps the whole clip.
    """

    takes = 'clips'

    def __init__(self, num_frames: int = 64, ratio: float = 0.95) -> None:
        if not 0 < ratio <= 1:
            raise ConfigError(f'CenterCropResize: ratio={ratio} is not within (0, 1].')
        check_at_least(1, self, num_frames=num_frames)
        self.num_frames = num_frames
        self.ratio = ratio

    def transform(self, results: dict) -> dict:
        clips = results['clips']
        # In double precision as the official programs, so that both cut at the same frame.
        start = ((1 - self.ratio) * clips.num_frames.double() / 2).long()
        return dict(results, inputs=resize(clips, start, clips.num_frames - 2 * start, self.num_frames))


@TRANSFORMS.register_module()
class TemporalShift(SkeletonTransform):
    """Pads a view by reflection on both sides and crops its own length at random (CrosSCLR's temporal augmentation).

    Required keys: ``inputs`` (N, M, T, V, C), ``random``. Modified key: ``inputs``.

    Args:
        padding_ratio: A side is padded by ``floor(T / padding_ratio)`` frames.
    """

    def __init__(self, padding_ratio: int = 6) -> None:
        self.padding_ratio = padding_ratio

    def transform(self, results: dict) -> dict:
        view, random = results['inputs'], results['random']
        num_frames = view.shape[2]
        padding = num_frames // self.padding_ratio
        shift = random.integers(2 * padding + 1) - padding
        frame = (torch.arange(num_frames, device=view.device) + shift[:, None]).abs()
        frame = (num_frames - 1) - (num_frames - 1 - frame).abs()
        clip = torch.arange(len(view), device=view.device)[:, None]
        # Advanced indices around a slice put their dimensions first: (N, T, M, V, C).
        return dict(results, inputs=view[clip, :, frame].transpose(1, 2))
