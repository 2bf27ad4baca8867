"""No encoder at all: the reference that every encoder has to beat."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from mmskelssl.datasets.layouts import SkeletonLayout, get_layout
from mmskelssl.registry import MODELS


@MODELS.register_module()
class RawCoordinates(nn.Module):
    """Hands the view itself on as its feature.

    Args:
        num_frames: T of the views.
        layout: Skeleton layout of the views.
        num_persons: M.
        in_channels: C.
    """

    def __init__(
        self,
        num_frames: int,
        layout: str | Mapping | SkeletonLayout = 'ntu25',
        num_persons: int = 2,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        self.out_channels = num_persons * num_frames * get_layout(layout).num_joints * in_channels

    def forward(self, x: Tensor) -> Tensor:
        """Flattens views (N, M, T, V, C) to (N, M * T * V * C)."""
        return x.flatten(1)
