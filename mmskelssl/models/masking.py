"""Which tokens an encoder sees: functions of scores and of random numbers, which are handed in."""

from __future__ import annotations

import torch
from torch import Tensor

from mmskelssl.models.losses import in_full_precision


@in_full_precision
def motion_scores(tokens: Tensor) -> Tensor:
    """How much every token moves: mean |segment s - segment s - 1|; the first segment has the second's score.

    Args:
        tokens: (P, S, V, D), of two segments at least.

    Returns:
        (P, S * V).
    """
    moved = tokens.diff(dim=1).abs().mean(-1)
    return torch.cat([moved[:, :1], moved], 1).flatten(1)


@in_full_precision
def motion_aware_noise(scores: Tensor, uniform: Tensor, temperature: float) -> Tensor:
    r"""Noise whose largest values are a sample without replacement in proportion to softmax(scores / τ).

    That is :math:`\log p + g` with Gumbel noise g (MAMP, Mao et al., ICCV 2023; Kool et al., ICML 2019). Scores are
    divided by the largest of the person, as in MAMP's program.

    Args:
        scores: (P, L).
        uniform: (P, L) in [0, 1).
        temperature: τ.
    """
    largest = scores.amax(1, keepdim=True)
    return (scores / (largest * temperature + 1e-10)).log_softmax(1) + gumbel(uniform)


def gumbel(uniform: Tensor) -> Tensor:
    """Gumbel noise of numbers in [0, 1): the largest of log w + noise are a sample in proportion to weights w."""
    return -(-(uniform + 1e-10).log() + 1e-10).log()


def num_kept(num_tokens: int, mask_ratio: float) -> int:
    """Tokens that stay, rounded as MAMP's program rounds: 74 of 750 at 0.9."""
    return int(num_tokens * (1 - mask_ratio))


def keep_lowest(noise: Tensor, count: int) -> Tensor:
    """Positions (P, count) of the tokens of (P, L) with the lowest noise, from the lowest."""
    return noise.argsort(1)[:, :count]


def keep_in_tubes(noise: Tensor, count: int, length: int) -> Tensor:
    """Positions (P, R * length * count) of joints that stay visible for whole runs of segments.

    Args:
        noise: (P, R, V) of each joint in each run; those with the lowest stay.
        count: Joints that stay in a run.
        length: Segments of a run.
    """
    num_joints = noise.shape[2]
    joints = noise.argsort(2)[:, :, None, :count]
    segment = torch.arange(noise.shape[1] * length, device=noise.device).view(1, -1, length, 1)
    return (segment * num_joints + joints).flatten(1)


def hidden(kept: Tensor, num_tokens: int) -> Tensor:
    """Mask (P, L) of the tokens that are not among the positions kept (P, K)."""
    mask = torch.ones(len(kept), num_tokens, dtype=torch.bool, device=kept.device)
    return mask.scatter_(1, kept, False)


def gather_tokens(tokens: Tensor, positions: Tensor) -> Tensor:
    """Tokens (P, K, C) of (P, L, C) at positions (P, K)."""
    return tokens.gather(1, positions[..., None].expand(-1, -1, tokens.shape[-1]))
