"""Projection heads of contrastive learning."""

from __future__ import annotations

from torch import Tensor, nn

from mmskelssl.registry import MODELS


@MODELS.register_module()
class ProjectionNeck(nn.Sequential):
    """The MLP of MoCo v2 (Chen et al., 2020): Linear(d, d), ReLU, Linear(d, feat_dim).

    Args:
        in_channels: d, the width of the backbone's feature.
        out_channels: Width of the embedding, ``feat_dim``.
        num_layers: Linear layers; 1 is a plain projection.
    """

    def __init__(self, in_channels: int, out_channels: int = 128, num_layers: int = 2) -> None:
        hidden = [layer for _ in range(num_layers - 1) for layer in (nn.Linear(in_channels, in_channels), nn.ReLU())]
        super().__init__(*hidden, nn.Linear(in_channels, out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels) to (N, out_channels)."""
        return super().forward(x)
