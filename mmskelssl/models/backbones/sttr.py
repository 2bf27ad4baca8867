"""The spatio-temporal Transformers of UmURL (ACM MM 2023) and, with positions of joints, of USDRL (AAAI 2025)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import torch
from torch import Tensor, nn

from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.models.backbones.checkpointing import run_blocks
from mmskelssl.models.backbones.gcn_transformer import time_encoding
from mmskelssl.models.backbones.spatio_temporal import (
    FORMS,
    SpatioTemporal,
    embed_tokens,
    token_embeddings,
    transformer_layers,
)
from mmskelssl.models.modalities import get_modality
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError, check_at_least


@MODELS.register_module()
class STTR(SpatioTemporal):
    """Plain Transformer layers (post-norm, no dropout) on each form of tokens.

    Args:
        layout: Skeleton layout of the views.
        num_persons: M.
        num_frames: T.
        width: C of the tokens; the feature is twice as wide.
        num_layers: Layers of each form.
        num_heads: Attention heads.
        ffn_channels: Hidden width of the feed-forward blocks; by default ``width``.
        joint_positions: Whether tokens of joints have learned positions; those of frames have sinusoidal ones.
        in_channels: C of the views.
        with_cp: Whether activations are computed anew in the backward pass instead of kept (less memory, more time).
    """

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'ntu25',
        num_persons: int = 2,
        num_frames: int = 64,
        width: int = 1024,
        num_layers: int = 2,
        num_heads: int = 1,
        ffn_channels: int | None = None,
        joint_positions: bool = True,
        in_channels: int = 3,
        with_cp: bool = False,
    ) -> None:
        super().__init__(layout, num_persons, num_frames, width, with_cp)
        check_at_least(1, self, num_layers=num_layers)
        self.embedding = token_embeddings(self.num_tokens, in_channels, width)
        self.joint_positions = joint_encoding(self.num_tokens['spatial'], width) if joint_positions else None
        self.layers = transformer_layers(width, num_layers, num_heads, ffn_channels or width)

    def embed(self, x: Tensor) -> dict[str, Tensor]:
        return embed_tokens(self.embedding, x)

    def encode(self, form: str, tokens: Tensor) -> Tensor:
        if form == 'temporal':
            tokens = tokens + time_encoding(tokens.shape[1], tokens.shape[2], tokens)
        elif self.joint_positions is not None:
            tokens = tokens + self.joint_positions
        return run_blocks(self.layers[form].children(), tokens, self.with_cp)


@MODELS.register_module()
class UnifiedSTTR(STTR):
    """One Transformer for several modalities, which it derives from the coordinates and fuses before the first layer.

    Modalities differ in their embeddings only. Fused tokens are the mean of those of all modalities, through a linear
    map. A modality by itself is encoded without fusion.

    Args:
        layout: Skeleton layout of the views.
        num_persons: M.
        modalities: What it fuses.
        num_frames: T.
        width: C of the tokens; the feature is twice as wide.
        num_layers: Layers of each form.
        num_heads: Attention heads.
        ffn_channels: Hidden width of the feed-forward blocks; by default ``width``.
        joint_positions: Whether tokens of joints have learned positions.
        in_channels: C of the views.
        with_cp: Whether activations are computed anew in the backward pass instead of kept (less memory, more time).
    """

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'ntu25',
        num_persons: int = 2,
        modalities: Sequence[str] = ('joint', 'bone', 'motion'),
        num_frames: int = 64,
        width: int = 1024,
        num_layers: int = 1,
        num_heads: int = 1,
        ffn_channels: int | None = None,
        joint_positions: bool = False,
        in_channels: int = 3,
        with_cp: bool = False,
    ) -> None:
        super().__init__(
            layout, num_persons, num_frames, width, num_layers, num_heads, ffn_channels, joint_positions, in_channels,
            with_cp,
        )  # fmt: skip
        if len(set(modalities)) != len(modalities) or not modalities:
            raise ConfigError(f'model.backbone.modalities={list(modalities)}: name one modality or several, each once.')
        self.derive = {modality: get_modality(modality) for modality in modalities}
        self.embedding = nn.ModuleDict(
            {modality: token_embeddings(self.num_tokens, in_channels, width) for modality in modalities}
        )
        self.fusion = nn.ModuleDict({form: nn.Linear(width, width, bias=False) for form in FORMS})

    @property
    def modalities(self) -> tuple[str, ...]:
        """What it fuses."""
        return tuple(self.derive)

    def embed(self, x: Tensor) -> dict[str, Tensor]:
        singly = [self.embed_one(x, modality) for modality in self.modalities]
        return {
            form: self.fusion[form](reduce(torch.add, [tokens[form] for tokens in singly]) / len(singly))
            for form in FORMS
        }

    def embed_one(self, x: Tensor, modality: str) -> dict[str, Tensor]:
        """Tokens of both forms of one modality of views (N, M, T, V, C)."""
        return embed_tokens(self.embedding[modality], self.derive[modality](x, self.layout))

    def single(self, x: Tensor, modality: str) -> Tensor:
        """Features (N, 2 * width) of one modality of views (N, M, T, V, C)."""
        self.check(x)
        return self.pool(self.encode_all(self.embed_one(x, modality)))[None]


def joint_encoding(num_tokens: int, width: int) -> nn.Parameter:
    """Learned positions (num_tokens, width)."""
    return nn.Parameter(nn.init.trunc_normal_(torch.empty(num_tokens, width), std=0.02))
