"""Skeleton graphs as adjacency matrices, and the way into and out of the encoders on them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.models.backbones.checkpointing import run_blocks
from mmskelssl.models.modalities import check_layout


def spatial_partition(layout: SkeletonLayout) -> Tensor:
    """The spatial configuration partition of ST-GCN (Yan et al., AAAI 2018, section 3.3).

    An edge from joint j to joint i belongs to the root subset if both are equally far from the skeleton's centre, to
    the centripetal one if j is farther, else to the centrifugal one. As in all official programs, distances count up
    to one hop and everything beyond is equally far: only the edges at the centre tell the subsets apart. Published
    weights were trained so.

    Returns:
        (3, V, V): self links; links of the root and the centripetal subset; links of the centrifugal one. They add up
        to the column-normalized adjacency.
    """
    hops = torch.full((layout.num_joints, layout.num_joints), torch.inf)
    for v, parent in layout.bones:
        hops[v, parent] = hops[parent, v] = 1
    hops.fill_diagonal_(0)
    adjacency = (hops <= 1).float()
    adjacency = adjacency / adjacency.sum(0, keepdim=True)
    to_center = hops[:, layout.center]
    linked = hops == 1
    centrifugal = linked & (to_center[:, None] < to_center[None, :])
    return torch.stack([adjacency * subset for subset in (hops == 0, linked & ~centrifugal, centrifugal)])


def directed_partition(layout: SkeletonLayout) -> Tensor:
    """The partition of 2s-AGCN: self links, links to the parent, links from it.

    Returns:
        (3, V, V), the latter two column-normalized each by itself.
    """
    inward = torch.zeros(layout.num_joints, layout.num_joints)
    for v, parent in layout.bones:
        inward[parent, v] = 1
    outward = inward.T
    return torch.stack([torch.eye(layout.num_joints), *(a / a.sum(0).clamp(min=1) for a in (inward, outward))])


def normalized_joints(x: Tensor, norm: nn.BatchNorm1d) -> Tensor:
    """Views (N, M, T, V, C), normalized for each joint and coordinate, as (N * M, C, T, V).

    Args:
        x: The views.
        norm: Of V * C channels, the same for all persons, or of M * V * C.
    """
    num_clips, num_persons, num_frames, num_joints, num_coords = x.shape
    x = norm(x.permute(0, 1, 3, 4, 2).reshape(-1, norm.num_features, num_frames))
    x = x.view(num_clips * num_persons, num_joints, num_coords, num_frames)
    return x.permute(0, 2, 3, 1).contiguous()


class JointMapBackbone(nn.Module):
    """Base of the encoders that keep a map over frames and joints up to their last block, and then take its mean.

    A subclass sets ``layout``, ``input_norm``, ``blocks`` and ``with_cp``. Methods that change or choose parts of the
    map call :meth:`feature_map` and :meth:`pool` one by one; ``forward`` is both.
    """

    layout: SkeletonLayout
    input_norm: nn.BatchNorm1d
    blocks: nn.Sequential
    with_cp: bool

    def forward(self, x: Tensor) -> Tensor:
        """Encodes views (N, M, T, V, C) into features (N, out_channels)."""
        return self.pool(self.feature_map(x))

    def feature_map(self, x: Tensor) -> Tensor:
        """The last block's map (N, M, out_channels, T', V) of views (N, M, T, V, C); blocks with strides shorten T."""
        check_layout(x, self.layout)
        joints = normalized_joints(x, self.input_norm)
        return run_blocks(self.blocks, joints, self.with_cp).unflatten(0, x.shape[:2])

    def pool(self, maps: Tensor) -> Tensor:
        """Mean (N, out_channels) of maps (N, M, out_channels, T', V) over frames, joints and persons."""
        return maps.mean((3, 4)).mean(1)
