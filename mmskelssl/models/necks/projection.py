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
    """

    def __init__(self, in_channels: int, out_channels: int = 128) -> None:
        super().__init__(nn.Linear(in_channels, in_channels), nn.ReLU(), nn.Linear(in_channels, out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels) to (N, out_channels)."""
        return super().forward(x)
