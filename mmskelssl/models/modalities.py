"""The modalities of a skeleton clip: joint, motion, bone, and all in one, from coordinates (N, M, T, V, C)."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.utils.errors import ConfigError


def joint(view: Tensor, layout: SkeletonLayout) -> Tensor:
    """The coordinates themselves."""
    return view


def motion(view: Tensor, layout: SkeletonLayout) -> Tensor:
    """``x[t + 1] - x[t]``; the last frame is zero."""
    return F.pad(view.diff(dim=2), (0, 0, 0, 0, 0, 1))


def bone(view: Tensor, layout: SkeletonLayout) -> Tensor:
    """``x[v] - x[parent(v)]``; the root's is zero.

    Examples:
        >>> from mmskelssl.datasets import get_layout
        >>> view = torch.arange(25.0).view(1, 1, 1, 25, 1)
        >>> bone(view, get_layout('ntu25')).flatten()[:4].tolist()  # parents are 1, 20, 20, 2
        [-1.0, -19.0, -18.0, 1.0]
    """
    parents = torch.tensor(layout.parents, device='cpu').to(view.device, non_blocking=True)  # not to wait for a GPU
    return view - view.index_select(3, parents)


def fused(view: Tensor, layout: SkeletonLayout) -> Tensor:
    """(N, M, T, V, 3C): joints relative to the first person's origin joint in the first frame, bones, and motion.

    A joint at exactly zero is missing, and is zero in the first of the three.
    """
    origin = view[:, :1, :1, layout.origin, None]
    relative = (view - origin) * (view != 0).any(-1, keepdim=True)
    return torch.cat((relative, bone(view, layout), motion(view, layout)), -1)


MODALITIES: dict[str, Callable[[Tensor, SkeletonLayout], Tensor]] = {
    'joint': joint,
    'motion': motion,
    'bone': bone,
    'fused': fused,
}


def get_modality(name: str) -> Callable[[Tensor, SkeletonLayout], Tensor]:
    """The function that derives a modality from coordinates.

    Raises:
        ConfigError: If the modality is unknown.
    """
    if name not in MODALITIES:
        raise ConfigError(f"Unknown modality '{name}': modalities are {list(MODALITIES)}.")
    return MODALITIES[name]


def num_channels(name: str, num_coords: int = 3) -> int:
    """C of a modality of clips with ``num_coords`` coordinates per joint."""
    return 3 * num_coords if name == 'fused' else num_coords


def check_layout(view: Tensor, layout: SkeletonLayout) -> None:
    """Refuses views (N, M, T, V, C) of another skeleton.

    Raises:
        ConfigError: If V is not the layout's number of joints.
    """
    if view.ndim != 5 or view.shape[3] != layout.num_joints:
        raise ConfigError(
            f"A view of shape {tuple(view.shape)} does not fit layout '{layout.name}' with {layout.num_joints} joints: "
            'views are (N, M, T, V, C); set model.layout to that of the data.'
        )
