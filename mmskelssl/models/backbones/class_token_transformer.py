"""The Transformer over joints and segments with a class token, as SLiM has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.models.backbones.skeleton_transformer import SkeletonTransformer
from mmskelssl.models.targets import segments
from mmskelssl.models.transformer import position_table
from mmskelssl.registry import MODELS


@MODELS.register_module()
class ClassTokenTransformer(SkeletonTransformer):
    """A :class:`SkeletonTransformer` with a further token for the clip, and registers that are thrown away.

    Segments are told apart by rotation, which leaves class token and registers as they are, so that views of all
    lengths share an encoder. Hidden tokens are not left out: a learned vector takes the place of what they show.

    Args:
        layout: Skeleton layout of the views.
        num_registers: Tokens that only collect (Darcet et al., Vision Transformers Need Registers, ICLR 2024).
        pool: ``class``, the class token, mean over persons; or one of :class:`SkeletonTransformer`.
        ffn: Of :class:`SkeletonTransformer`.
        norm_eps: Likewise.
        **kwargs: Likewise.
    """

    poolable = ('clip', 'joints', 'class')

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'ntu25',
        num_registers: int = 4,
        pool: str = 'clip',
        ffn: str = 'swiglu',
        norm_eps: float = 1e-6,
        **kwargs,
    ) -> None:
        super().__init__(layout, time_encoding='rotary', pool=pool, ffn=ffn, norm_eps=norm_eps, **kwargs)
        # Two-dimensional, as tables of positions: weight decay is for what is not a vector.
        self.class_token = position_table(1, self.width)
        self.registers = position_table(num_registers, self.width)
        self.mask_token = position_table(1, self.width)

    def embed(self, persons: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Tokens (P, S * V, width) of persons (P, T, V, C); where ``hidden`` (P, S * V) is true, they show nothing."""
        self._check_frames(persons.shape[1])
        shown = self.embedding(segments(persons, self.segment_length))
        if hidden is not None:
            shown = torch.where(hidden.view(*shown.shape[:3], 1), self.mask_token.to(shown.dtype), shown)
        return (shown + self.joint_positions).flatten(1, 2)

    def encode(self, tokens: Tensor, positions: Tensor | None = None) -> Tensor:
        """The class token and all tokens (P, 1 + K, width) of the last block, normalized; arguments as the parent's."""
        prefix = torch.cat([self.class_token, self.registers]).to(tokens.dtype).expand(tokens.shape[0], -1, -1)
        places = torch.arange(tokens.shape[1], device=tokens.device).expand(tokens.shape[:2])
        places = places if positions is None else positions
        # At segment 0, which is not turned.
        places = torch.cat([places.new_zeros(prefix.shape[:2]), places], 1)
        encoded = super().encode(torch.cat([prefix, tokens], 1), places)
        return torch.cat([encoded[:, :1], encoded[:, prefix.shape[1] :]], 1)

    def encode_views(self, persons: Sequence[Tensor], hidden: Sequence[Tensor]) -> list[Tensor]:
        """What :meth:`encode` gives for each view's persons (P, T, V, C) with hidden tokens (P, S * V).

        Views of one length are encoded together.
        """
        out: dict[int, Tensor] = {}
        for length in dict.fromkeys(x.shape[1] for x in persons):
            places = [place for place, x in enumerate(persons) if x.shape[1] == length]
            together, masks = (torch.cat([values[place] for place in places]) for values in (persons, hidden))
            parts = self.encode(self.embed(together, masks)).chunk(len(places))
            out |= dict(zip(places, parts, strict=True))
        return [out[place] for place in range(len(persons))]

    def pool(self, tokens: Tensor, present: Tensor) -> Tensor:
        """Features (N, out_channels) of what :meth:`encode` gives for the persons who are ``present`` (N, M)."""
        if self.pooling == 'class':
            return self.over_persons(tokens[:, 0], present)
        return super().pool(tokens[:, 1:], present)
