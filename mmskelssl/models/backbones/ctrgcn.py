"""Channel-wise topology refinement (Chen et al., Channel-wise Topology Refinement Graph Convolution, ICCV 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mmskelssl.datasets.layouts import SkeletonLayout, get_layout
from mmskelssl.models.backbones.graph import JointMapBackbone, directed_partition
from mmskelssl.utils.errors import ConfigError

_NUM_BRANCHES = 4


class ChannelwiseGraphConv(nn.Module):
    """Graph convolution whose graph every channel refines by how joints differ (section 3.2).

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        adjacency: (K, V, V) subsets of the graph that training starts from.
    """

    def __init__(self, in_channels: int, out_channels: int, adjacency: Tensor) -> None:
        super().__init__()
        num_subsets = len(adjacency)
        # Coordinates are too few to take an eighth of them.
        relations = num_subsets * (in_channels // 8 or 8)
        self.graph = nn.Parameter(adjacency.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.theta = _conv(in_channels, relations)
        self.phi = _conv(in_channels, relations)
        self.refine = _conv(relations, num_subsets * out_channels, groups=num_subsets)
        self.mix = _conv(in_channels, num_subsets * out_channels)
        self.norm = nn.BatchNorm2d(out_channels)
        # The convolution begins as the residual alone.
        nn.init.constant_(self.norm.weight, 1e-6)
        self.down: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.down = nn.Sequential(_conv(in_channels, out_channels), nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, T, V) to (N, C_out, T, V)."""
        # 1x1 convolutions and means over frames commute, and one frame costs less.
        mean = x.mean(2, keepdim=True)
        differences = self.theta(mean).transpose(2, 3) - self.phi(mean)
        subsets = (len(self.graph), -1)
        graph = self.alpha * self.refine(differences.tanh()).unflatten(1, subsets) + self.graph[:, None]
        y = torch.einsum('nkcuv,nkctv->nctu', graph, self.mix(x).unflatten(1, subsets))
        return (self.norm(y) + self.down(x)).relu()


class MultiScaleTemporalConv(nn.Module):
    """Four branches over frames, side by side: five frames, five of every second, a maximum of three, and one.

    Args:
        channels: Channels of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        if channels % _NUM_BRANCHES:
            raise ConfigError(
                f'{channels} channels of graph convolutions cannot be shared by {_NUM_BRANCHES} branches.'
            )
        width = channels // _NUM_BRANCHES
        ends: Sequence[Sequence[nn.Module]] = (
            (nn.ReLU(), _conv(width, width, 5), nn.BatchNorm2d(width)),
            (nn.ReLU(), _conv(width, width, 5, dilation=2), nn.BatchNorm2d(width)),
            (nn.ReLU(), nn.MaxPool2d((3, 1), 1, (1, 0)), nn.BatchNorm2d(width)),
            (),
        )
        self.branches = nn.ModuleList(
            nn.Sequential(_conv(channels, width), nn.BatchNorm2d(width), *end) for end in ends
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, T, V) to the same."""
        return torch.cat([branch(x) for branch in self.branches], 1)


class CTRGCNBlock(nn.Module):
    """Graph convolution over joints, then convolutions over frames, with a residual."""

    def __init__(self, in_channels: int, out_channels: int, adjacency: Tensor, residual: bool = True) -> None:
        super().__init__()
        self.gcn = ChannelwiseGraphConv(in_channels, out_channels, adjacency)
        self.tcn = MultiScaleTemporalConv(out_channels)
        self.residual: nn.Module | None = nn.Identity() if residual else None
        if residual and in_channels != out_channels:
            self.residual = nn.Sequential(_conv(in_channels, out_channels), nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, T, V) to (N, C_out, T, V)."""
        y = self.tcn(self.gcn(x))
        if self.residual is not None:
            y = y + self.residual(x)
        return y.relu()


class CTRGCN(JointMapBackbone):
    """A block for each entry of ``channels``, none of which shortens the clip.

    Args:
        layout: Skeleton layout of the views.
        num_persons: M.
        channels: Width of each block.
        in_channels: C of the views.
        with_cp: Whether activations are computed anew in the backward pass instead of kept (less memory, more time).

    Raises:
        ConfigError: If a width is no multiple of four.
    """

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'ntu25',
        num_persons: int = 2,
        channels: Sequence[int] = (64, 256, 64),
        in_channels: int = 3,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        self.with_cp = with_cp
        self.layout = layout = get_layout(layout)
        self.out_channels = channels[-1]
        self.input_norm = nn.BatchNorm1d(num_persons * layout.num_joints * in_channels)
        adjacency = directed_partition(layout)
        self.blocks = nn.Sequential(
            CTRGCNBlock(in_channels, channels[0], adjacency, residual=False),
            *(CTRGCNBlock(before, width, adjacency) for before, width in zip(channels, channels[1:], strict=False)),
        )


def _conv(in_channels: int, out_channels: int, kernel: int = 1, dilation: int = 1, groups: int = 1) -> nn.Conv2d:
    padding = dilation * (kernel // 2)
    conv = nn.Conv2d(in_channels, out_channels, (kernel, 1), 1, (padding, 0), (dilation, 1), groups)
    nn.init.kaiming_normal_(conv.weight, mode='fan_out')
    conv.bias.data.zero_()
    return conv
