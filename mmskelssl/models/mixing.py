"""Mixing clips within a batch (SkeleMixCLR, Chen et al., 2022; PCM³, Zhang et al., ACM MM 2023).

Chance belongs to the clips' keys, and partners are chosen from the batch of all processes.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mmskelssl.datasets.keyed_random import KeyedRandom
from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.models.distributed import gather_rows, own_rows
from mmskelssl.utils.errors import ConfigError


class Region(NamedTuple):
    """Some parts of N bodies for some time.

    Args:
        inside: (N, T, V) bool.
        start: (N,) first frame.
        length: (N,) frames.
    """

    inside: Tensor
    start: Tensor
    length: Tensor


class Mix(NamedTuple):
    """How each of N clips is mixed with another one of its batch, the partner.

    Args:
        partner: (N,) positions of the partners in the batch of all processes.
        share: (N, T, V) what each joint of each frame has of the partner, 0 to 1.
        frame: (N, T) the partner's frames that are shown.
    """

    partner: Tensor
    share: Tensor
    frame: Tensor

    @property
    def weight(self) -> Tensor:
        """(N,) share of the partner in the whole clip."""
        return self.share.mean((1, 2))

    def apply(self, x: Tensor) -> Tensor:
        """Mixes views (N, M, T, V, C)."""
        other = of_partners(x, self.partner)
        frame = self.frame[:, None, :, None, None].expand(-1, other.shape[1], -1, *other.shape[3:])
        return x.lerp(other.gather(2, frame), self.share[:, None, :, :, None].to(x.dtype))


def partners(random: KeyedRandom) -> Tensor:
    """(n,) for each clip of this process, the position of another one in the batch of all processes.

    In an order that the clips' keys give, each clip has the one behind it, and the last the first: every clip is the
    partner of one. Only the clip of a batch of one has itself.
    """
    order = gather_rows(random.uniform()).argsort(stable=True)
    return own_rows(torch.empty_like(order).scatter_(0, order, order.roll(-1)))


def of_partners(rows: Tensor, partner: Tensor) -> Tensor:
    """Rows (n, ...) of the partners (n,) of this process' clips, whichever process has them; without a gradient."""
    return gather_rows(rows.detach())[partner]


def part_table(layout: SkeletonLayout, device: torch.device) -> Tensor:
    """(G, V) bool, which joints belong to which part of the body (or finger).

    Raises:
        ConfigError: If the layout has no parts.
    """
    if not layout.groups:
        raise ConfigError(
            f"Parts are hidden or mixed, and layout '{layout.name}' has none: give it `groups`, name to joints."
        )
    table = torch.zeros(len(layout.groups), layout.num_joints, dtype=torch.bool, device=device)
    for number, joints in enumerate(layout.groups.values()):
        table[number, list(joints)] = True
    return table


def draw_regions(
    random: KeyedRandom,
    layout: SkeletonLayout,
    num_frames: int,
    *,
    parts: tuple[int, int] = (2, 3),
    blocks: tuple[int, int] = (7, 11),
    block_frames: int = 4,
) -> Region:
    """Some parts in a row of blocks of frames, all numbers and places equally likely.

    Args:
        random: Of N clips.
        layout: Says what the parts are.
        num_frames: T.
        parts: Fewest and most parts.
        blocks: Fewest and most blocks.
        block_frames: Frames of a block.

    Raises:
        ConfigError: If a view has no such region.
    """
    table = part_table(layout, random.keys.device)
    for name, (fewest, most), available in (
        ('parts', parts, len(table)),
        (f'blocks of {block_frames} frames', blocks, num_frames // block_frames),
    ):
        if not 1 <= fewest <= most <= available:
            raise ConfigError(
                f'A region of {fewest} to {most} {name} does not fit a view that has {available}: change the numbers '
                'in the model.'
            )
    count = parts[0] + random.integers(parts[1] - parts[0] + 1)
    chosen = random.uniform(len(table)).argsort(1).argsort(1) < count[:, None]
    joints = (chosen[:, :, None] & table).any(1)
    length = blocks[0] + random.integers(blocks[1] - blocks[0] + 1)
    first = random.integers(num_frames // block_frames - length + 1)
    start, length = first * block_frames, length * block_frames
    frame = torch.arange(num_frames, device=start.device) - start[:, None]
    frames = (frame >= 0) & (frame < length[:, None])
    return Region(frames[:, :, None] & joints[:, None], start, length)


def at_double_speed(region: Region) -> Tensor:
    """Frames (N, T) of a clip from its beginning on, shown in the region at double speed, or as fast as it lasts."""
    num_frames = region.inside.shape[1]
    frame = torch.arange(num_frames, device=region.start.device) - region.start[:, None]
    source = (2 * region.length).clamp(max=num_frames)
    return (frame * source[:, None] // region.length[:, None]).clamp(0, num_frames - 1)


def draw_mix(random: KeyedRandom, region: Region) -> Mix:
    """PCM³'s mixes of N clips.

    With probability ½ the region shows the partner's same region; with ¼ the partner's beginning at double speed; with
    ¼ the whole clips are blended, in equally likely shares.
    """
    kind, blend = random.uniform(2).unbind(1)
    frame = torch.arange(region.inside.shape[1], device=kind.device).expand(region.inside.shape[:2])
    is_fast, is_blend = (kind >= 0.5) & (kind < 0.75), kind >= 0.75
    return Mix(
        partners(random),
        share=torch.where(is_blend[:, None, None], blend[:, None, None], region.inside.float()),
        frame=torch.where(is_fast[:, None], at_double_speed(region), frame),
    )
