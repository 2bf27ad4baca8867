"""What masked methods cut skeletons into, and what they predict of them: functions of persons (P, T, V, C)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmskelssl.models.losses import in_full_precision


def segments(x: Tensor, length: int) -> Tensor:
    """Cuts (P, T, V, C) into tokens (P, S, V, length * C), S = T / length, frame by frame within a token."""
    return x.unflatten(1, (-1, length)).transpose(2, 3).flatten(3)


def motion(x: Tensor, stride: int = 1) -> Tensor:
    """``x[t + stride] - x[t]``; the last frames are zero (MAMP, Mao et al., ICCV 2023)."""
    return F.pad(x[:, stride:] - x[:, :-stride], (0, 0, 0, 0, 0, min(stride, x.shape[1])))


@in_full_precision
def normalize_segments(target: Tensor, eps: float = 1e-6) -> Tensor:
    """Every token (..., D) with mean 0 and variance 1 (MAE, He et al., CVPR 2022, section 4.1)."""
    centred = target - target.mean(-1, keepdim=True)
    return centred * (target.var(-1, keepdim=True) + eps).rsqrt()


@in_full_precision
def normalize_clip(x: Tensor, eps: float = 1e-6) -> Tensor:
    """Every coordinate of every joint of (P, T, V, C) with mean 0 and variance 1 over time."""
    return (x - x.mean(1, keepdim=True)) * (x.var(1, keepdim=True) + eps).rsqrt()


@in_full_precision
def motion_weights(x: Tensor, windows: tuple[int, ...], softness: float, eps: float = 1e-6) -> Tensor:
    r"""Weights (P, T, V, 1) of the frames of (P, T, V, C) by how much a joint moves around them (AMR, CVPR 2026).

    .. math:: w = \frac{1}{1 + k \bar e / (e + \epsilon)}

    with e the mean squared distance of the frames of a window from their mean, and :math:`\bar e` its mean over the
    sequence. Weights of several lengths of windows are averaged, which the paper does not state.

    Args:
        x: Coordinates of persons.
        windows: Lengths, in frames; each divides T.
        softness: k.
        eps: ε, which the paper does not state.
    """
    weights = []
    for length in windows:
        frames = x.unflatten(1, (-1, length))
        energy = (frames - frames.mean(2, keepdim=True)).square().sum(-1).mean(2)  # (P, T / length, V)
        mean = energy.mean((1, 2), keepdim=True)
        weight = 1 / (1 + softness * mean / (energy + eps))
        weights.append(weight.repeat_interleave(length, 1))
    return torch.stack(weights).mean(0)[..., None]
