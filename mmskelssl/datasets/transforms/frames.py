"""Augmentations along the time of views (N, M, T, V, C)."""

from __future__ import annotations

import torch
from torch import Tensor

from mmskelssl.datasets.transforms.base import SkeletonTransform
from mmskelssl.registry import TRANSFORMS
from mmskelssl.utils.errors import ConfigError, check_at_least


def blur_over_time(view: Tensor, sigma: Tensor, radius: int, normalize: bool = False) -> Tensor:
    """Convolves each clip with exp(-i² / 2σ²), i from -radius to radius, zeros outside the clip.

    Args:
        view: (N, M, T, V, C).
        sigma: (N,) standard deviations in frames.
        radius: Half the kernel's length in frames.
        normalize: Whether to divide the kernel by its sum.

    Returns:
        (N, M, T, V, C).
    """
    frame = torch.arange(view.shape[2], device=view.device)
    distance = frame[:, None] - frame
    weights = torch.exp(-(distance**2) / (2 * sigma[:, None, None] ** 2)) * (distance.abs() <= radius)
    if normalize:
        offset = torch.arange(-radius, radius + 1, device=view.device)
        weights = weights / torch.exp(-(offset**2) / (2 * sigma[:, None] ** 2)).sum(1)[:, None, None]
    return (weights.to(view.dtype)[:, None] @ view.flatten(3)).view_as(view)


def motion_energy(view: Tensor) -> Tensor:
    """(N, T) mean square of the step from each frame of a view (N, M, T, V, C) to the next; 0 for the last frame."""
    steps = torch.zeros_like(view)
    steps[:, :, :-1] = view[:, :, 1:] - view[:, :, :-1]
    return (steps**2).mean((1, 3, 4))


def take_frames(view: Tensor, frames: Tensor) -> Tensor:
    """Frames (N, T') of each clip of a view (N, M, T, V, C), as a view (N, M, T', V, C)."""
    clip = torch.arange(len(view), device=view.device)[:, None]
    # Advanced indices around a slice put their dimensions first: (N, T', M, V, C).
    return view[clip, :, frames].transpose(1, 2)


@TRANSFORMS.register_module()
class TemporalBlur(SkeletonTransform):
    """Blurs each clip over time by a Gaussian (AimCLR, HiCLR).

    Required keys: ``inputs`` (N, M, T, V, C), ``random``. Modified key: ``inputs``.

    Args:
        sigma: Range of the standard deviation in frames.
        radius: Half the kernel's length in frames.
        normalize: Whether the kernel's sum is 1. By default it is not, as in AimCLR's program: the blurred clip is
            also up to 5 times as large.
    """

    def __init__(self, sigma: tuple[float, float] = (0.1, 2.0), radius: int = 7, normalize: bool = False) -> None:
        if not 0 < sigma[0] <= sigma[1]:
            raise ConfigError(f'TemporalBlur: sigma={sigma} is not a range above 0.')
        check_at_least(1, self, radius=radius)
        self.sigma = tuple(sigma)
        self.radius = radius
        self.normalize = normalize

    def transform(self, results: dict) -> dict:
        sigma = results['random'].uniform(low=self.sigma[0], high=self.sigma[1])
        return dict(results, inputs=blur_over_time(results['inputs'], sigma, self.radius, self.normalize))


@TRANSFORMS.register_module()
class TemporalFlip(SkeletonTransform):
    """Plays the view backwards (AimCLR).

    Required key: ``inputs`` (N, M, T, V, C). Modified key: ``inputs``.
    """

    def transform(self, results: dict) -> dict:
        return dict(results, inputs=results['inputs'].flip(2))


@TRANSFORMS.register_module()
class TemporalMask(SkeletonTransform):
    """Sets random blocks of frames to zero, for all persons and joints (SCD-Net).

    Required keys: ``inputs`` (N, M, T, V, C), ``random``. Modified key: ``inputs``.

    Args:
        num_blocks: Blocks that are set to zero.
        block_length: Frames of a block. Frames after the last whole block are never masked.
    """

    def __init__(self, num_blocks: int = 6, block_length: int = 4) -> None:
        check_at_least(1, self, num_blocks=num_blocks, block_length=block_length)
        self.num_blocks = num_blocks
        self.block_length = block_length

    def transform(self, results: dict) -> dict:
        view = results['inputs']
        num_frames = view.shape[2]
        available = num_frames // self.block_length
        if self.num_blocks > available:
            raise ConfigError(
                f'TemporalMask: num_blocks={self.num_blocks}, but a view of {num_frames} frames has only {available} '
                f'blocks of {self.block_length}.'
            )
        masked = results['random'].subset(self.num_blocks, available).repeat_interleave(self.block_length, 1)
        visible = torch.ones(len(view), num_frames, dtype=torch.bool, device=view.device)
        visible[:, : masked.shape[1]] = ~masked
        return dict(results, inputs=view * visible[:, None, :, None, None])


@TRANSFORMS.register_module()
class CutFrames(SkeletonTransform):
    """Cuts out the frames that move most, then random ones (PSTL's temporal masking). The view gets shorter.

    Required keys: ``inputs`` (N, M, T, V, C), ``random``. Modified key: ``inputs`` (N, M, T', V, C), T' = T -
    num_moving - num_random.

    Args:
        num_moving: Frames of the largest :func:`motion_energy` that are cut out.
        num_random: Frames that are cut out of the rest.
    """

    def __init__(self, num_moving: int = 10, num_random: int = 10) -> None:
        check_at_least(0, self, num_moving=num_moving, num_random=num_random)
        self.num_moving = num_moving
        self.num_random = num_random

    def transform(self, results: dict) -> dict:
        view = results['inputs']
        num_frames = view.shape[2]
        num_still = num_frames - self.num_moving
        num_kept = num_still - self.num_random
        if num_kept < 1:
            raise ConfigError(
                f'CutFrames: num_moving={self.num_moving} and num_random={self.num_random} leave nothing of a view '
                f'of {num_frames} frames.'
            )
        # The still frames keep their order, and so do those that chance leaves.
        still = motion_energy(view).argsort(dim=1, stable=True)[:, :num_still].sort(1).values
        kept = results['random'].uniform(num_still).argsort(1)[:, :num_kept].sort(1).values
        return dict(results, inputs=take_frames(view, still.gather(1, kept)))
