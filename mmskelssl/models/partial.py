"""Which frames and joints a partial view keeps: functions of views and of random numbers, which are handed in (PSTL,
Zhou et al., AAAI 2023).
"""

from __future__ import annotations

import torch
from torch import Tensor

from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.models.losses import in_full_precision
from mmskelssl.models.masking import gumbel


def still_frames(x: Tensor, count: int) -> Tensor:
    """Positions (N, count), in order of time, of the frames after which views (N, M, T, V, C) move least.

    Of frames that move alike the earlier come first; after the last frame nothing moves.
    """
    return _motion(x).argsort(dim=1, stable=True)[:, :count].sort(1).values


@in_full_precision
def _motion(x: Tensor) -> Tensor:
    """(N, T) mean square of how far persons and joints of (N, M, T, V, C) move until the next frame."""
    moved = x.diff(dim=2).square().mean((1, 3, 4))
    return torch.cat([moved, torch.zeros_like(moved[:, :1])], 1)


def take_frames(x: Tensor, positions: Tensor) -> Tensor:
    """Views (N, M, K, V, C) of the frames at positions (N, K) of (N, M, T, V, C)."""
    return x.gather(2, positions[:, None, :, None, None].expand(-1, x.shape[1], -1, *x.shape[3:]))


def ordered_subset(uniform: Tensor, size: int) -> Tensor:
    """Positions (N, size), rising, of a random subset of L by numbers (N, L) in [0, 1)."""
    return uniform.argsort(1)[:, :size].sort(1).values


def keep_outer_joints(layout: SkeletonLayout, uniform: Tensor, size: int) -> Tensor:
    """Joints (N, size), rising, that are left after others are drawn in proportion to their degree, without
    replacement.

    A joint's degree is the number of its bones, so what leaves first is in the middle.

    Args:
        layout: Whose bones.
        uniform: (N, V) in [0, 1).
        size: Joints left.
    """
    ends = torch.tensor(layout.bones, device='cpu').flatten()
    degree = torch.bincount(ends, minlength=layout.num_joints).to(uniform.device, non_blocking=True)
    return (degree.log() + gumbel(uniform)).argsort(1)[:, :size].sort(1).values
