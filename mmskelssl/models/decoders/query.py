"""The decoder of AMR (CVPR 2026): a few queries that look at the visible tokens and at nothing else."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmskelssl.models.backbones.checkpointing import checkpointed
from mmskelssl.models.transformer import TransformerBlock, init_linear, position_table
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError, check_at_least


@MODELS.register_module()
class QueryDecoder(nn.Module):
    """A query for each joint and r segments; a layer is cross-attention to the visible tokens and a feed-forward layer.

    Queries do not attend to each other, so that a layer costs queries × visible tokens. The paper does not state its
    depth: five layers follow from the cost that it states. One learned vector is the query of all; positions tell them
    apart.

    Args:
        in_channels: Width of the visible tokens; the model says it.
        num_segments: S; the model says it.
        num_joints: V; the model says it.
        token_channels: Numbers of a token; the model says it. A query predicts r times as many.
        segments_per_query: r.
        width: C inside.
        num_layers: Layers.
        num_heads: Attention heads.
        ffn_channels: Hidden width of the feed-forward layers; by default four times the width.
        norm_eps: ε of the norms.
        with_cp: Whether activations are computed anew in the backward pass instead of kept.

    Raises:
        ConfigError: If r does not divide S.
    """

    def __init__(
        self,
        in_channels: int,
        num_segments: int,
        num_joints: int,
        token_channels: int,
        segments_per_query: int = 6,
        width: int = 256,
        num_layers: int = 5,
        num_heads: int = 8,
        ffn_channels: int | None = None,
        norm_eps: float = 1e-5,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        check_at_least(1, self, num_layers=num_layers, segments_per_query=segments_per_query)
        if num_segments % segments_per_query:
            raise ConfigError(
                f'model.decoder.segments_per_query={segments_per_query} does not divide the {num_segments} segments '
                'of a view: change it, or model.backbone.num_frames.'
            )
        self.with_cp = with_cp
        self.segments_per_prediction = segments_per_query
        self.num_queries = num_segments // segments_per_query * num_joints
        self.embedding = nn.Linear(in_channels, width)
        self.query = position_table(1, width)
        self.time_positions = position_table(num_segments // segments_per_query, width)
        self.joint_positions = position_table(num_joints, width)
        self.blocks = nn.ModuleList(
            TransformerBlock(width, num_heads, ffn_channels or 4 * width, norm_eps=norm_eps) for _ in range(num_layers)
        )
        self.norm = nn.LayerNorm(width, norm_eps)
        self.predict = nn.Linear(width, segments_per_query * token_channels)
        init_linear(self)

    def forward(self, visible: Tensor, kept: Tensor) -> Tensor:
        """Predictions (P, S / r * V, r * token_channels) of visible tokens (P, K, in_channels), wherever they are."""
        memory = self.embedding(visible)
        queries = (self.query + self.time_positions[:, None] + self.joint_positions).flatten(0, 1)
        x = queries.expand(len(memory), -1, -1)
        for block in self.blocks:
            x = checkpointed(block, x, memory) if self.with_cp else block(x, memory)
        return self.predict(self.norm(x))

    def scored(self, kept: Tensor) -> Tensor:
        """Mask (P, S / r * V) of the predictions that are learned from: all."""
        return torch.ones(len(kept), self.num_queries, dtype=torch.bool, device=kept.device)
