"""Hidden tubes of neighbouring joints over segments (SLiM, NeurIPS 2026)."""

from __future__ import annotations

import torch
from torch import Tensor

from mmskelssl.datasets.keyed_random import KeyedRandom
from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.utils.errors import ConfigError


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
