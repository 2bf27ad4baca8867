"""The bidirectional GRU of ISC, CMD and MMCV."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mmskelssl.datasets.layouts import SkeletonLayout, get_layout
from mmskelssl.models.backbones.checkpointing import checkpointed
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError, check_at_least


@MODELS.register_module()
class BiGRU(nn.Module):
    """A stack of GRU layers, each two GRUs whose outputs are concatenated.

    The official programs of CMD and its kin feed their "bidirectional" GRU one frame at a time and carry the hidden
    state, so that its second direction never sees the future: both run forward in time. The published numbers were
    made so, and so this encoder runs by default. Either reading is a few calls over whole sequences.

    Every weight matrix is Xavier-uniform, as in the programs.

    Args:
        layout: Skeleton layout of the views.
        num_persons: M.
        hidden_channels: Width of one direction; the feature is twice as wide.
        num_layers: Layers.
        bidirectional: Whether the second GRU of a layer runs backward in time, as the papers' word says.
        pool: ``last`` (the papers': output at the last frame) or ``mean`` over frames.
        in_channels: C.
        input_norm: Whether the input is normalized by batch statistics first, as by all programs but ISC's.
        with_cp: Whether activations are computed anew in the backward pass instead of kept (less memory, more time).
    """

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'ntu25',
        num_persons: int = 2,
        hidden_channels: int = 1024,
        num_layers: int = 3,
        bidirectional: bool = False,
        pool: str = 'last',
        in_channels: int = 3,
        input_norm: bool = True,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        if pool not in ('last', 'mean'):
            raise ConfigError(f"BiGRU: pool='{pool}' is neither 'last' nor 'mean'.")
        check_at_least(1, self, hidden_channels=hidden_channels, num_layers=num_layers)
        self.out_channels = 2 * hidden_channels
        self.bidirectional = bidirectional
        self.pool = pool
        self.with_cp = with_cp
        width = get_layout(layout).num_joints * in_channels * num_persons
        self.num_features = width
        self.input_norm = nn.BatchNorm1d(width) if input_norm else nn.Identity()
        widths = [width] + [self.out_channels] * (num_layers - 1)
        self.layers = nn.ModuleList(nn.ModuleList(nn.GRU(w, hidden_channels) for _ in range(2)) for w in widths)
        for parameter in self.layers.parameters():
            if parameter.ndim == 2:
                nn.init.xavier_uniform_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """Encodes views (N, M, T, V, C) into features (N, 2 * hidden_channels)."""
        return self.over_frames(self.frames(x))

    def over_frames(self, frames: Tensor) -> Tensor:
        """The feature (N, 2 * hidden_channels) of those of all frames (N, T, 2 * hidden_channels)."""
        return frames[:, -1] if self.pool == 'last' else frames.mean(1)

    def frames(self, x: Tensor) -> Tensor:
        """Features (N, T, 2 * hidden_channels) of all frames of views (N, M, T, V, C)."""
        # Input features are ordered joint, coordinate, person, as in official checkpoints.
        x = x.permute(0, 3, 4, 1, 2).flatten(1, 3)
        if x.shape[1] != self.num_features:
            raise ConfigError(
                f'BiGRU expects {self.num_features} input features (V x C x M) but got {x.shape[1]}: set '
                'model.layout and model.num_persons to those of the views.'
            )
        # Time first and contiguous: all frames meet the input weights in one product, not in one a frame.
        x = self.input_norm(x).permute(2, 0, 1).contiguous()
        for first, second in self.layers:  # type: ignore[misc]  # lists of two
            x = checkpointed(self._layer, first, second, x) if self.with_cp else self._layer(first, second, x)
        return x.transpose(0, 1)

    def _layer(self, first: nn.GRU, second: nn.GRU, x: Tensor) -> Tensor:
        return torch.cat((first(x)[0], self._second(second, x)), -1)

    def _second(self, gru: nn.GRU, x: Tensor) -> Tensor:
        return gru(x.flip(0))[0].flip(0) if self.bidirectional else gru(x)[0]
