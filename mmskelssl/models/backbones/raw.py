"""No encoder at all: the reference that every encoder has to beat."""

from __future__ import annotations

from torch import Tensor, nn

from mmskelssl.registry import MODELS


@MODELS.register_module()
class RawCoordinates(nn.Module):
    """Hands the view itself on as its feature.

    Args:
        num_persons: M.
        num_frames: T.
        num_joints: V.
        in_channels: C.
    """

    def __init__(self, num_persons: int, num_frames: int = 64, num_joints: int = 25, in_channels: int = 3) -> None:
        super().__init__()
        self.out_channels = num_persons * num_frames * num_joints * in_channels

    def forward(self, x: Tensor) -> Tensor:
        """Flattens views (N, M, T, V, C) to (N, M * T * V * C)."""
        return x.flatten(1)
