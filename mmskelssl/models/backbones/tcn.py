"""A small convolutional encoder over time, for sets of hundreds or thousands of clips."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mmskelssl.datasets.layouts import SkeletonLayout, get_layout
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError, check_at_least

# Of the features, whose deviation it is.
_SCALE = 0.3


@MODELS.register_module()
class TCN(nn.Module):
    """Convolutions over time whose channels are the coordinates of all joints and persons.

    A projection, then a residual block for each entry of ``channels``; each but the first halves the number of frames.
    The feature is the mean and the maximum over time, side by side, standardized by its statistics over the training
    views, times 0.3: so cosine similarities are those of centred features, and all features have the scale that suits
    the learning rate of linear protocols.

    Args:
        layout: Skeleton layout of the views.
        num_persons: M.
        channels: Width of each block; the feature is twice as wide as the last.
        kernel_size: Frames that a convolution sees.
        dropout: Probability that an input channel is zero over the whole clip.
        block_dropout: Likewise, between the two convolutions of a block.
        in_channels: C.
    """

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'ntu25',
        num_persons: int = 2,
        channels: tuple[int, ...] = (128, 128, 256),
        kernel_size: int = 3,
        dropout: float = 0.1,
        block_dropout: float = 0.0,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        check_at_least(1, self, blocks=len(channels), kernel_size=kernel_size)
        self.out_channels = 2 * channels[-1]
        width = get_layout(layout).num_joints * in_channels * num_persons
        self.input_norm = nn.BatchNorm1d(width)
        self.project = nn.Sequential(nn.Dropout1d(dropout), nn.Conv1d(width, channels[0], 1))
        widths = zip((channels[0], *channels), channels, strict=False)
        self.blocks = nn.Sequential(
            *(_Block(a, b, kernel_size, 1 + (i > 0), block_dropout) for i, (a, b) in enumerate(widths)),
            nn.BatchNorm1d(channels[-1]),
            nn.ReLU(),
        )
        self.output_norm = nn.BatchNorm1d(self.out_channels, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        """Encodes views (N, M, T, V, C) into features (N, 2 * channels[-1])."""
        x = x.permute(0, 1, 3, 4, 2).flatten(1, 3)
        if x.shape[1] != self.input_norm.num_features:
            raise ConfigError(
                f'TCN expects {self.input_norm.num_features} input features (M x V x C) but got '
                f'{x.shape[1]}: set model.layout and model.num_persons to those of the views.'
            )
        x = self.blocks(self.project(self.input_norm(x)))
        return _SCALE * self.output_norm(torch.cat((x.mean(-1), x.amax(-1)), 1))


class _Block(nn.Module):
    """A residual block with normalization first (He et al., Identity Mappings in Deep Residual Networks, ECCV 2016)."""

    def __init__(self, before: int, width: int, kernel_size: int, stride: int, dropout: float) -> None:
        super().__init__()
        padding = kernel_size // 2
        self.residual = nn.Sequential(
            nn.BatchNorm1d(before),
            nn.ReLU(),
            nn.Conv1d(before, width, kernel_size, stride, padding, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Dropout1d(dropout),
            nn.Conv1d(width, width, kernel_size, padding=padding, bias=False),
        )
        is_same = stride == 1 and before == width
        self.shortcut = nn.Identity() if is_same else nn.Conv1d(before, width, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + self.residual(x)
