"""Which tokens an encoder sees: functions of scores and of random numbers, which are handed in."""

from __future__ import annotations

import torch
from torch import Tensor

from mmskelssl.datasets.keyed_random import KeyedRandom
from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.models.losses import in_full_precision
from mmskelssl.utils.errors import ConfigError


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
    gumbel = -(-(uniform + 1e-10).log() + 1e-10).log()
    return (scores / (largest * temperature + 1e-10)).log_softmax(1) + gumbel


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


def group_tubes(
    random: KeyedRandom, layout: SkeletonLayout, num_segments: int, ratio: Tensor, tries: int = 64
) -> Tensor:
    """Hides tubes of neighbouring joints of a group of the layout over segments, until a share of tokens is hidden.

    A tube has an area between S tokens and what is missing, at most half of all, and as many joints as chance gives. It
    is taken if it hides something more and not too much (SLiM, after DINOv2's blocks).

    Args:
        random: Of P persons.
        layout: V joints; those in no group stay visible.
        num_segments: S.
        ratio: (P,) of the tokens that are to be hidden.
        tries: Tubes that are drawn; where none fits any more, fewer are hidden.

    Returns:
        (P, S * V) bool.

    Raises:
        ConfigError: If the layout has no groups.
    """
    if not layout.groups:
        raise ConfigError(f"Tubes need `groups` of the layout, and layout '{layout.name}' has none.")
    group = torch.full((layout.num_joints,), -1, device=ratio.device)
    rank = torch.zeros_like(group)
    for number, joints in enumerate(layout.groups.values()):
        group[list(joints)] = number
        rank[list(joints)] = torch.arange(len(joints), device=ratio.device)
    sizes = torch.tensor([len(joints) for joints in layout.groups.values()], device=ratio.device)
    wanted = (ratio * num_segments * layout.num_joints).round()
    mask = torch.zeros(len(ratio), num_segments, layout.num_joints, dtype=torch.bool, device=ratio.device)
    segment = torch.arange(num_segments, device=ratio.device)
    for _ in range(tries):
        missing = wanted - mask.sum((1, 2))
        largest = missing.clamp(max=num_segments * layout.num_joints / 2)
        area = num_segments + random.uniform() * (largest - num_segments).clamp(min=0)
        chosen = random.integers(len(sizes))
        width = 1 + random.integers(sizes[chosen])
        first_joint = random.integers(sizes[chosen] - width + 1)
        height = (area / width).round().long().clamp(1, num_segments)
        first_segment = random.integers(num_segments - height + 1)
        of_joint = (group == chosen[:, None]) & _within(rank, first_joint, width)
        tube = _within(segment, first_segment, height)[:, :, None] & of_joint[:, None]
        added = (tube & ~mask).sum((1, 2))
        mask |= tube & ((added > 0) & (added <= missing))[:, None, None]
    return mask.flatten(1)


def _within(values: Tensor, first: Tensor, length: Tensor) -> Tensor:
    """(P, L) whether values (L,) are among the ``length`` (P,) from ``first`` (P,) on."""
    return (values >= first[:, None]) & (values < (first + length)[:, None])


def hidden(kept: Tensor, num_tokens: int) -> Tensor:
    """Mask (P, L) of the tokens that are not among the positions kept (P, K)."""
    mask = torch.ones(len(kept), num_tokens, dtype=torch.bool, device=kept.device)
    return mask.scatter_(1, kept, False)


def gather_tokens(tokens: Tensor, positions: Tensor) -> Tensor:
    """Tokens (P, K, C) of (P, L, C) at positions (P, K)."""
    return tokens.gather(1, positions[..., None].expand(-1, -1, tokens.shape[-1]))
