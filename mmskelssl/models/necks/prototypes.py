"""Scores of prototypes, as in DINO (Caron et al., ICCV 2021) and iBOT (Zhou et al., ICLR 2022)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmskelssl.models.losses import in_full_precision
from mmskelssl.registry import MODELS


@MODELS.register_module()
class PrototypeNeck(nn.Module):
    """An MLP with GELU down to a narrow vector of unit length, and its products with prototypes of unit length.

    Args:
        in_channels: Width of the feature.
        out_channels: Prototypes; each has a learned gain, which starts at 1.
        num_layers: Linear layers of the MLP.
        hidden_channels: Width between them.
        bottleneck_channels: Width of the vector.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int = 65536,
        num_layers: int = 3,
        hidden_channels: int = 2048,
        bottleneck_channels: int = 256,
    ) -> None:
        super().__init__()
        widths = [in_channels] + [hidden_channels] * (num_layers - 1)
        layers: list[nn.Module] = []
        for before, width in zip(widths, widths[1:], strict=False):
            layers += [nn.Linear(before, width), nn.GELU()]
        self.mlp = nn.Sequential(*layers, nn.Linear(widths[-1], bottleneck_channels))
        for layer in self.mlp.modules():
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)
        bound = bottleneck_channels**-0.5
        self.directions = nn.Parameter(torch.empty(out_channels, bottleneck_channels).uniform_(-bound, bound))
        self.gains = nn.Parameter(torch.ones(out_channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(..., in_channels) to scores (..., out_channels)."""
        return F.linear(_unit(self.mlp(x)), self.gains * _unit(self.directions))


@in_full_precision
def _unit(x: Tensor) -> Tensor:
    """(..., D) of unit length: squares of small numbers are nothing in half precision."""
    return F.normalize(x, dim=-1)
