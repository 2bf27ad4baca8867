"""The decoupled encoder of SCD-Net (Wu et al., AAAI 2024)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.models.backbones.checkpointing import run_blocks
from mmskelssl.models.backbones.ctrgcn import CTRGCN
from mmskelssl.models.backbones.spatio_temporal import (
    FORMS,
    SpatioTemporal,
    embed_tokens,
    token_embeddings,
    transformer_layers,
)
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError, check_at_least


@MODELS.register_module()
class DecoupledEncoder(SpatioTemporal):
    """Two graph convolutional networks, one whose map is cut into frames and one whose map is cut into joints, and
    Transformer layers (post-norm, no positions) on the tokens.

    Args:
        layout: Skeleton layout of the views.
        num_persons: M.
        num_frames: T.
        gcn_channels: Channels of the first and the last graph convolution; the one between has four times as many.
        width: C of the tokens; the feature is twice as wide.
        num_layers: Layers of each form.
        num_heads: Attention heads.
        ffn_channels: Hidden width of the feed-forward blocks; by default ``width``.
        dropout: Dropout probability of the layers.
        in_channels: C of the views.
        with_cp: Whether activations are computed anew in the backward pass instead of kept (less memory, more time).

    Raises:
        ConfigError: If a value is out of its range.
    """

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'ntu25',
        num_persons: int = 2,
        num_frames: int = 64,
        gcn_channels: int = 64,
        width: int = 2048,
        num_layers: int = 1,
        num_heads: int = 8,
        ffn_channels: int | None = None,
        dropout: float = 0.1,
        in_channels: int = 3,
        with_cp: bool = False,
    ) -> None:
        super().__init__(layout, num_persons, num_frames, width, with_cp)
        check_at_least(1, self, gcn_channels=gcn_channels, num_layers=num_layers, num_heads=num_heads)
        if width % num_heads:
            raise ConfigError(f'model.backbone.width={width} cannot be shared by num_heads={num_heads}.')
        channels = (gcn_channels, 4 * gcn_channels, gcn_channels)
        self.graphs = nn.ModuleDict(
            {form: CTRGCN(self.layout, num_persons, channels, in_channels, with_cp) for form in FORMS}
        )
        self.embedding = token_embeddings(self.num_tokens, gcn_channels, width)
        self.layers = transformer_layers(width, num_layers, num_heads, ffn_channels or width, dropout)

    def embed(self, x: Tensor) -> dict[str, Tensor]:
        maps = {form: graph.feature_map(x).permute(0, 1, 3, 4, 2) for form, graph in self.graphs.items()}
        return embed_tokens(self.embedding, maps)

    def encode(self, form: str, tokens: Tensor) -> Tensor:
        return run_blocks(self.layers[form].children(), tokens, self.with_cp)
