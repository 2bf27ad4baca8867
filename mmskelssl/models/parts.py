"""Parts of a skeleton, the groups of its layout: trunk, arms and legs, or fingers."""

from __future__ import annotations

import torch
from torch import Tensor

from mmskelssl.datasets.keyed_random import KeyedRandom
from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.utils.errors import ConfigError


def part_table(layout: SkeletonLayout, device: torch.device | None = None) -> Tensor:
    """(G, V) bool, which joints belong to which part.

    Raises:
        ConfigError: If the layout has no parts.
    """
    if not layout.groups:
        raise ConfigError(
            f"Parts are hidden or mixed, and layout '{layout.name}' has none: give it `groups`, name to joints."
        )
    parts = [[joint in part for joint in range(layout.num_joints)] for part in layout.groups.values()]
    return torch.tensor(parts, device=device)


def draw_parts(random: KeyedRandom, layout: SkeletonLayout, count: Tensor | int, *shape: int) -> Tensor:
    """(N, *shape, V) bool, the joints of so many parts, all equally likely; ``count`` is (N,) or one number."""
    table = part_table(layout, random.keys.device)
    rank = random.uniform(*shape, len(table)).argsort(-1).argsort(-1)
    if isinstance(count, Tensor):
        count = count.view(-1, *[1] * (rank.ndim - 1))
    return ((rank < count)[..., None] & table).any(-2)


def draw_hidden_parts(
    random: KeyedRandom, layout: SkeletonLayout, num_frames: int, ratio: float, num_blocks: int
) -> Tensor:
    """(N, T, V) bool: in each of some blocks of frames, a share of the parts, other ones each time (PCM³).

    The share is rounded down, to one part at least.
    """
    count = max(int(len(layout.groups) * ratio), 1)
    hidden = draw_parts(random, layout, count, num_blocks)
    return hidden[:, torch.arange(num_frames, device=hidden.device) * num_blocks // num_frames]
