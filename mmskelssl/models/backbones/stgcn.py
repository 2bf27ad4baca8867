"""Spatial temporal graph convolutional networks (Yan et al., AAAI 2018), at CrosSCLR's width."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mmskelssl.datasets.layouts import SkeletonLayout, get_layout
from mmskelssl.models.backbones.checkpointing import run_blocks
from mmskelssl.models.backbones.graph import (
    JointMapBackbone,
    directed_partition,
    normalized_joints,
    spatial_partition,
)
from mmskelssl.models.modalities import check_layout
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError, check_at_least

PARTITIONS = dict(spatial=spatial_partition, directed=directed_partition)


class STGCNBlock(nn.Module):
    """Graph convolution over joints, then convolution over frames.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        adjacency: (K, V, V) subsets of the graph.
        stride: Stride over frames.
        dropout: Dropout probability.
        residual: Whether the input is added to the output, through a convolution where shapes differ.
        kernel_size: Frames of the temporal kernel.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        adjacency: Tensor,
        stride: int = 1,
        dropout: float = 0.0,
        residual: bool = True,
        kernel_size: int = 9,
    ) -> None:
        super().__init__()
        self.register_buffer('adjacency', adjacency.clone())
        self.edge_importance = nn.Parameter(torch.ones_like(adjacency))
        self.gcn = nn.Conv2d(in_channels, out_channels * len(adjacency), 1)
        self.tcn = nn.Sequential(
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, (kernel_size, 1), (stride, 1), (kernel_size // 2, 0)),
            nn.BatchNorm2d(out_channels),
            nn.Dropout(dropout, inplace=True),
        )
        self.residual: nn.Module | None = nn.Identity() if residual else None
        if residual and (in_channels != out_channels or stride != 1):
            self.residual = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, (stride, 1)), nn.BatchNorm2d(out_channels)
            )

    def forward(self, x: Tensor, joints: Tensor | None = None) -> Tensor:
        """(N, C_in, T, V) to (N, C_out, T / stride, V), where V are all joints or, of each, ``joints`` (N, V)."""
        graph = self.adjacency * self.edge_importance
        equation = 'nkctv,kvw->nctw'
        if joints is not None:
            graph = graph[:, joints[:, :, None], joints[:, None, :]]
            equation = 'nkctv,knvw->nctw'
        subsets = self.gcn(x).unflatten(1, (len(graph), -1))
        y = self.tcn(torch.einsum(equation, subsets, graph).contiguous())
        if self.residual is not None:
            y = y + self.residual(x)
        return y.relu()


@MODELS.register_module()
class STGCN(JointMapBackbone):
    """ST-GCN as CrosSCLR runs it: ten blocks, then the mean over frames, joints and persons.

    Args:
        layout: Skeleton layout whose graph it runs on.
        base_channels: Channels of the first four blocks; the next three have twice, the last three four times as many.
        out_channels: Width of the feature (channels of the last block).
        dropout: Dropout probability, 0 in the first block.
        in_channels: C.
        with_cp: Whether activations are computed anew in the backward pass instead of kept (less memory, more time).
        partition: The graph's subsets: ``spatial`` (ST-GCN) or ``directed`` (2s-AGCN).

    Raises:
        ConfigError: If the partition is not known.
    """

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'ntu25',
        base_channels: int = 16,
        out_channels: int = 256,
        dropout: float = 0.5,
        in_channels: int = 3,
        with_cp: bool = False,
        partition: str = 'spatial',
    ) -> None:
        super().__init__()
        if partition not in PARTITIONS:
            raise ConfigError(f"model.backbone.partition='{partition}' is not one of {list(PARTITIONS)}.")
        check_at_least(1, self, base_channels=base_channels, out_channels=out_channels)
        self.with_cp = with_cp
        self.layout = layout = get_layout(layout)
        adjacency = PARTITIONS[partition](layout)
        self.out_channels = out_channels
        self.input_norm = nn.BatchNorm1d(layout.num_joints * in_channels)
        widths = [base_channels * factor for factor in (1, 1, 1, 1, 2, 2, 2, 4, 4)] + [out_channels]
        self.blocks = nn.Sequential(
            STGCNBlock(in_channels, base_channels, adjacency, residual=False),
            *(
                STGCNBlock(before, width, adjacency, 2 if number in (4, 7) else 1, dropout)
                for number, (before, width) in enumerate(zip(widths, widths[1:], strict=False), 1)
            ),
        )

    def subgraph_map(self, x: Tensor, joints: Tensor) -> Tensor:
        """The map (N, M, out_channels, T', V') of :meth:`feature_map` on the subgraph of joints (N, V') of each clip.

        Views (N, M, T, V, C) have all joints; edges to those that are left out do not count, and others keep their
        weight (PSTL, Zhou et al., AAAI 2023).
        """
        check_layout(x, self.layout)
        bodies = joints.repeat_interleave(x.shape[1], 0)
        maps = normalized_joints(x, self.input_norm)
        chosen = maps.gather(3, bodies[:, None, None].expand(-1, *maps.shape[1:3], -1))
        return run_blocks(self.blocks, chosen, self.with_cp, bodies).unflatten(0, x.shape[:2])
