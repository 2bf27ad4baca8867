"""No encoder at all: the reference that every encoder has to beat."""

from __future__ import annotations

from torch import Tensor, nn

from mmskelssl.registry import MODELS


@MODELS.register_module()
class RawCoordinates(nn.Module):
    """Hands the view itself on as its feature.

    Args:
        out_channels: M * T * V * C of the views.
    """

    def __init__(self, out_channels: int) -> None:
        super().__init__()
        self.out_channels = out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Flattens views (N, M, T, V, C) to (N, M * T * V * C)."""
        return x.flatten(1)
