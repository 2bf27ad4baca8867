"""Projection heads."""

from __future__ import annotations

from torch import Tensor, nn

from mmskelssl.registry import MODELS


@MODELS.register_module()
class ProjectionNeck(nn.Sequential):
    """An MLP: by default that of MoCo v2 (Chen et al., 2020), Linear(d, d), ReLU, Linear(d, feat_dim).

    Args:
        in_channels: d, the width of the backbone's feature.
        out_channels: Width of the embedding, ``feat_dim``.
        num_layers: Linear layers; 1 is a plain projection.
        hidden_channels: Width between them; by default d.
        batch_norm: Whether a batch normalization follows every layer but the last, as in Barlow Twins and VICReg.
        bias: Whether linear layers have one; by default where there is no batch normalization.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int = 128,
        num_layers: int = 2,
        hidden_channels: int | None = None,
        batch_norm: bool = False,
        bias: bool | None = None,
    ) -> None:
        bias = not batch_norm if bias is None else bias
        widths = [in_channels] + [hidden_channels or in_channels] * (num_layers - 1)
        layers: list[nn.Module] = []
        for before, width in zip(widths, widths[1:], strict=False):
            layers.append(nn.Linear(before, width, bias=bias))
            layers += [nn.BatchNorm1d(width)] if batch_norm else []
            layers.append(nn.ReLU())
        super().__init__(*layers, nn.Linear(widths[-1], out_channels, bias=bias))

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels) to (N, out_channels)."""
        return super().forward(x)
