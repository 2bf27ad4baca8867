"""Adaptive graph convolutional network (Shi et al., Two-Stream Adaptive GCN, CVPR 2019), MMCV's graph encoder."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mmskelssl.datasets.layouts import SkeletonLayout, get_layout
from mmskelssl.models.backbones.graph import JointMapBackbone, directed_partition
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import check_at_least


class AdaptiveGraphConv(nn.Module):
    """Graph convolution whose graph is the sum of a fixed, a learned and a data-dependent one (eq. 3).

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        adjacency: (K, V, V) subsets of the fixed graph.
    """

    def __init__(self, in_channels: int, out_channels: int, adjacency: Tensor) -> None:
        super().__init__()
        self.num_subsets = len(adjacency)
        self.register_buffer('adjacency', adjacency.clone())
        self.learned = nn.Parameter(torch.full_like(adjacency, 1e-6))
        width = out_channels // 4
        self.theta = _conv(in_channels, width * self.num_subsets)
        self.phi = _conv(in_channels, width * self.num_subsets)
        self.mix = nn.Conv2d(in_channels * self.num_subsets, out_channels, 1)
        nn.init.normal_(self.mix.weight, 0, math.sqrt(2 / (out_channels * in_channels * self.num_subsets)))
        self.mix.bias.data.zero_()
        self.norm = nn.BatchNorm2d(out_channels)
        # The convolution begins as the residual alone.
        nn.init.constant_(self.norm.weight, 1e-6)
        self.down: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.down = nn.Sequential(_conv(in_channels, out_channels), nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, T, V) to (N, C_out, T, V)."""
        theta = self.theta(x).unflatten(1, (self.num_subsets, -1)).flatten(2, 3)
        phi = self.phi(x).unflatten(1, (self.num_subsets, -1)).flatten(2, 3)
        affinity = (theta.transpose(2, 3) @ phi / theta.shape[2]).softmax(2)
        graph = affinity + self.adjacency + self.learned
        gathered = x.flatten(1, 2)[:, None] @ graph
        return (self.norm(self.mix(gathered.unflatten(2, x.shape[1:3]).flatten(1, 2))) + self.down(x)).relu()


class AGCNBlock(nn.Module):
    """Adaptive graph convolution, then convolution over 9 frames, with a residual."""

    def __init__(
        self, in_channels: int, out_channels: int, adjacency: Tensor, stride: int = 1, residual: bool = True
    ) -> None:
        super().__init__()
        self.gcn = AdaptiveGraphConv(in_channels, out_channels, adjacency)
        self.tcn = _temporal_conv(out_channels, out_channels, 9, stride)
        self.residual: nn.Module | None = nn.Identity() if residual else None
        if residual and (in_channels != out_channels or stride != 1):
            self.residual = _temporal_conv(in_channels, out_channels, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, T, V) to (N, C_out, T / stride, V)."""
        y = self.tcn(self.gcn(x))
        if self.residual is not None:
            y = y + self.residual(x)
        return y.relu()


@MODELS.register_module()
class AGCN(JointMapBackbone):
    """Ten adaptive blocks, then the mean over frames, joints and persons.

    Args:
        layout: Skeleton layout whose graph it runs on.
        num_persons: M.
        base_channels: Channels of the first four blocks; the next three have twice, the last three four times as many.
        in_channels: C.
        with_cp: Whether activations are computed anew in the backward pass instead of kept (less memory, more time).
    """

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'ntu25',
        num_persons: int = 2,
        base_channels: int = 64,
        in_channels: int = 3,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        check_at_least(4, self, base_channels=base_channels)  # attention maps have a quarter of the channels
        self.with_cp = with_cp
        self.layout = layout = get_layout(layout)
        adjacency = directed_partition(layout)
        self.input_norm = nn.BatchNorm1d(num_persons * layout.num_joints * in_channels)
        widths = [base_channels * factor for factor in (1, 1, 1, 1, 2, 2, 2, 4, 4, 4)]
        self.out_channels = widths[-1]
        self.blocks = nn.Sequential(
            AGCNBlock(in_channels, base_channels, adjacency, residual=False),
            *(
                AGCNBlock(before, width, adjacency, 2 if width != before else 1)
                for before, width in zip(widths, widths[1:], strict=False)
            ),
        )


def _conv(in_channels: int, out_channels: int, kernel: int = 1, stride: int = 1) -> nn.Conv2d:
    conv = nn.Conv2d(in_channels, out_channels, (kernel, 1), (stride, 1), (kernel // 2, 0))
    nn.init.kaiming_normal_(conv.weight, mode='fan_out')
    conv.bias.data.zero_()
    return conv


def _temporal_conv(in_channels: int, out_channels: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(_conv(in_channels, out_channels, kernel, stride), nn.BatchNorm2d(out_channels))
