"""The decoder of PCM³ (Zhang et al., ACM MM 2023): from features of frames back to frames."""

from __future__ import annotations

from torch import Tensor, nn

from mmskelssl.models.necks import ProjectionNeck
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import check_at_least


@MODELS.register_module()
class FrameDecoder(nn.Module):
    """An MLP on each frame, GRU layers over time, and a linear layer.

    Args:
        in_channels: Width of the features; the model says it.
        out_channels: Numbers of a frame; the model says it.
        width: Of everything between.
        num_layers: GRU layers.
    """

    def __init__(self, in_channels: int, out_channels: int, width: int = 512, num_layers: int = 2) -> None:
        super().__init__()
        check_at_least(1, self, width=width, num_layers=num_layers)
        self.embedding = ProjectionNeck(in_channels, width, hidden_channels=width, batch_norm=True, bias=True)
        self.gru = nn.GRU(width, width, num_layers, batch_first=True)
        self.predict = nn.Linear(width, out_channels)

    def forward(self, frames: Tensor) -> Tensor:
        """(N, T, in_channels) to (N, T, out_channels)."""
        x = self.embedding(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
        return self.predict(self.gru(x)[0])
