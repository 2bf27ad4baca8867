"""Mixing clips within a batch (SkeleMixCLR, Chen et al., 2022; PCM³, Zhang et al., ACM MM 2023).

Chance belongs to the clips' keys, and partners are chosen from the batch of all processes.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmskelssl.datasets.keyed_random import KeyedRandom
from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.models.distributed import gather_rows, own_rows
from mmskelssl.models.parts import draw_parts, part_table
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
        """(N,) share of the partner in the whole clip, the same number however many clips there are."""
        return self.share.mean((1, 2), dtype=torch.float64)

    def of_views(self, x: Tensor) -> Tensor:
        """Mixed views (N, M, T, V, C)."""
        other = of_partners(x, self.partner)
        frame = self.frame[:, None, :, None, None].expand(-1, other.shape[1], -1, *other.shape[3:])
        return x.lerp(other.gather(2, frame), self.share[:, None, :, :, None].to(x.dtype))

    def of_embeddings(self, z: Tensor) -> Tensor:
        """Mixed embeddings (N, D), of unit length."""
        weight = self.weight[:, None]
        mixed = (1 - weight) * z + weight * of_partners(z, self.partner)
        return F.normalize(mixed, dim=1).to(z.dtype)


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


def check_fits(key: str, span: tuple[int, int], what: str, available: int) -> None:
    """Raises a ConfigError if the fewest and the most that a region has, set by the config key, do not fit a view."""
    fewest, most = span
    if not 1 <= fewest <= most <= available:
        raise ConfigError(
            f'model.{key}={(fewest, most)}: give the fewest and the most {what} of a region; a view has {available}.'
        )


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
    check_fits('mix_parts', parts, 'parts', len(part_table(layout)))
    check_fits('mix_blocks', blocks, f'blocks of {block_frames} frames', num_frames // block_frames)
    count = parts[0] + random.integers(parts[1] - parts[0] + 1)
    joints = draw_parts(random, layout, count)
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


def draw_pasted(random: KeyedRandom, layout: SkeletonLayout, num_frames: int, **sizes) -> Mix:
    """SkeleMixCLR's mix of N clips: a region that shows the partner's same region.

    Args:
        random: Of the clips.
        layout: Says what the parts are.
        num_frames: T.
        **sizes: Of :func:`draw_regions`.
    """
    inside = draw_regions(random, layout, num_frames, **sizes).inside
    frame = torch.arange(num_frames, device=inside.device).expand(inside.shape[:2])
    return Mix(partners(random), share=inside.float(), frame=frame)


def pooled_in_and_out(x: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
    """Features (N, D) of the map (N, M, D, T', V): its means over all persons inside of regions, and outside.

    Args:
        x: The map, whose frames stand for one or more of the view.
        inside: (N, T, V) bool, with something inside and something outside.
    """
    frames = torch.arange(x.shape[3], device=x.device) * inside.shape[1] // x.shape[3]
    shown = inside[:, frames]
    return _mean(x, shown), _mean(x, ~shown)


def _mean(x: Tensor, where: Tensor) -> Tensor:
    return torch.einsum('nmdtv,ntv->nd', x, where.to(x.dtype)) / (x.shape[1] * where.sum((1, 2))[:, None])
