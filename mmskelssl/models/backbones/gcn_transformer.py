"""The GCN-Transformer cascade of I²MD (section 3.3.1 and 4.1.1)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mmskelssl.datasets.layouts import SkeletonLayout, get_layout
from mmskelssl.models.backbones.checkpointing import checkpointed, run_blocks
from mmskelssl.models.backbones.graph import normalized_joints, spatial_partition
from mmskelssl.models.backbones.stgcn import STGCNBlock
from mmskelssl.models.modalities import check_layout
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import check_at_least


class AggregationLayer(nn.Module):
    """Self-attention over frames, cross-attention to neighbours where there are any, feed-forward.

    Args:
        width: C of the tokens.
        num_heads: Attention heads.
        ffn_channels: Hidden width of the feed-forward block.
        dropout: Dropout probability.
    """

    def __init__(self, width: int, num_heads: int, ffn_channels: int, dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.self_attention = nn.MultiheadAttention(width, num_heads, dropout, batch_first=True)
        self.cross_attention = nn.MultiheadAttention(width, num_heads, dropout, batch_first=True)
        self.feed_forward = nn.Sequential(
            *(nn.Linear(width, ffn_channels), nn.GELU(), nn.Dropout(dropout)),
            *(nn.Linear(ffn_channels, width), nn.Dropout(dropout)),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, neighbours: Tensor | None = None) -> Tensor:
        """Tokens (N, T, C), neighbours (N, K_d, C) or None, to tokens (N, T, C)."""
        x = self.norms[0](tokens)
        tokens = tokens + self.dropout(self.self_attention(x, x, x, need_weights=False)[0])
        if neighbours is not None:
            x = self.norms[1](tokens)
            tokens = tokens + self.dropout(self.cross_attention(x, neighbours, neighbours, need_weights=False)[0])
        return tokens + self.feed_forward(self.norms[2](tokens))


@MODELS.register_module()
class GCNTransformer(nn.Module):
    """Three ST-GCN layers make a token of each frame, a Transformer aggregates the tokens.

    Where the paper is silent: layers normalize their input (pre-norm), the activation is GELU, tokens carry a
    sinusoidal encoding of their time, and dropout is 0.1.

    Args:
        layout: Skeleton layout whose graph it runs on.
        num_persons: M.
        gcn_channels: Channels of the graph convolutions: 64 × 25 joints × 2 persons = 3,200 features a frame.
        width: C, width of tokens and feature.
        num_layers: L.
        num_heads: Attention heads.
        ffn_channels: Hidden width of the feed-forward blocks.
        dropout: Dropout probability of the Transformer.
        in_channels: Coordinates a joint.
        with_cp: Whether activations are computed anew in the backward pass instead of kept (less memory, more time).
    """

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'ntu25',
        num_persons: int = 2,
        gcn_channels: int = 64,
        width: int = 768,
        num_layers: int = 6,
        num_heads: int = 12,
        ffn_channels: int = 3072,
        dropout: float = 0.1,
        in_channels: int = 3,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        check_at_least(
            1, self, gcn_channels=gcn_channels, num_layers=num_layers, ffn_channels=ffn_channels, width=width
        )
        self.with_cp = with_cp
        self.layout = layout = get_layout(layout)
        self.out_channels = width
        self.input_norm = nn.BatchNorm1d(layout.num_joints * in_channels)
        adjacency = spatial_partition(layout)
        self.gcn = nn.Sequential(
            STGCNBlock(in_channels, gcn_channels, adjacency, residual=False),
            STGCNBlock(gcn_channels, gcn_channels, adjacency),
            STGCNBlock(gcn_channels, gcn_channels, adjacency),
        )
        self.reduce = nn.Linear(gcn_channels * layout.num_joints * num_persons, width)
        self.layers = nn.ModuleList(
            AggregationLayer(width, num_heads, ffn_channels, dropout) for _ in range(num_layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """Encodes views (N, M, T, V, C) into hidden embeddings h (N, width)."""
        return self.aggregate(self.tokens(x))

    def tokens(self, x: Tensor) -> Tensor:
        """Frame-level tokens (N, T, width) of views (N, M, T, V, C)."""
        check_layout(x, self.layout)
        _, num_persons, num_frames = x.shape[:3]
        joints = run_blocks(self.gcn, normalized_joints(x, self.input_norm), self.with_cp)
        frames = joints.unflatten(0, (-1, num_persons)).permute(0, 3, 1, 2, 4).flatten(2)
        tokens = self.reduce(frames)
        return tokens + time_encoding(num_frames, self.out_channels, tokens)

    def aggregate(self, tokens: Tensor, neighbours: Tensor | None = None) -> Tensor:
        """Hidden embeddings h (N, width) of tokens (N, T, width).

        Args:
            tokens: Of :meth:`tokens`.
            neighbours: H, the hidden embeddings (N, K_d, width) that the cluster branch attends to; None in the
                instance branch.
        """
        for layer in self.layers:
            tokens = checkpointed(layer, tokens, neighbours) if self.with_cp else layer(tokens, neighbours)
        return self.norm(tokens).mean(1)


def time_encoding(num_frames: int, width: int, like: Tensor) -> Tensor:
    """Sinusoidal encoding (num_frames, width) of time (Vaswani et al., 2017), of the type and device of ``like``."""
    rate = 10000 ** (-torch.arange(0, width, 2, device=like.device) / width)
    angle = torch.arange(num_frames, device=like.device)[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)[:, :width].to(like.dtype)
