"""Augmentations of views (N, M, T, V, C) that know what the joints are, by the layout."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.datasets.transforms.base import SkeletonTransform
from mmskelssl.registry import TRANSFORMS
from mmskelssl.utils.errors import ConfigError, check_at_least


def scale_bones(view: Tensor, layout: SkeletonLayout, factors: Tensor) -> Tensor:
    """Multiplies the lengths of bones; the root stays where it is, and what hangs on a bone moves with it.

    Args:
        view: (N, M, T, V, C).
        layout: V joints.
        factors: (N, V), a factor for the bone that ends in each joint; the root's own is not used.

    Returns:
        (N, M, T, V, C).
    """
    parents = torch.tensor(layout.parents, device=view.device)
    is_bone = parents != torch.arange(layout.num_joints, device=view.device)
    bones = view - view.index_select(3, parents) * is_bone[:, None]
    scaled = bones * torch.where(is_bone, factors, 1)[:, None, None, :, None]
    path = torch.from_numpy(_paths(layout)).to(view)
    return path @ scaled


def walks(layout: SkeletonLayout) -> np.ndarray:
    """(V, V) int64, the number of walks of two steps between joints: (A + I)², A the bones in both directions."""
    step = np.eye(layout.num_joints, dtype=np.int64)
    for joint, parent in layout.bones:
        step[joint, parent] = step[parent, joint] = 1
    return step @ step


def _paths(layout: SkeletonLayout) -> np.ndarray:
    """(V, V) float32, 1 where joint u is on the way from the root to joint v."""
    path = np.eye(layout.num_joints, dtype=np.float32)
    joint = np.arange(layout.num_joints)
    for _ in range(layout.num_joints):
        joint = np.asarray(layout.parents)[joint]
        path[np.arange(layout.num_joints), joint] = 1
    return path


@TRANSFORMS.register_module()
class LeftRightFlip(SkeletonTransform):
    """Exchanges left and right joints.

    Required keys: ``inputs`` (N, M, T, V, C), ``layout``. Modified key: ``inputs``.

    Args:
        axis: The coordinate that changes its sign, so that the view is a mirror image: 0 (x) in SLiM. By default none
            does: joints trade places only, as in AimCLR, HiCLR and SCD-Net.
    """

    def __init__(self, axis: int | None = None) -> None:
        self.axis = axis

    def transform(self, results: dict) -> dict:
        view, layout = results['inputs'], results['layout']
        if self.axis is None and not layout.pairs:
            raise ConfigError(
                f"LeftRightFlip needs `pairs` of the layout, and layout '{layout.name}' has none: leave it out."
            )
        flipped = view.index_select(3, torch.tensor(layout.mirror, device=view.device))
        if self.axis is not None:
            flipped[..., self.axis] *= -1
        return dict(results, inputs=flipped)


@TRANSFORMS.register_module()
class LimbScale(SkeletonTransform):
    """Makes trunk, arms and legs of a clip longer or shorter, one factor for each (SLiM).

    A bone belongs to the group of the layout that its end is in. Left and right limbs share their factor; a joint in
    no group keeps its bone.

    Required keys: ``inputs`` (N, M, T, V, C), ``random``, ``layout``. Modified key: ``inputs``.

    Args:
        factor: Range of the factors.
    """

    def __init__(self, factor: tuple[float, float] = (0.85, 1.15)) -> None:
        if not 0 < factor[0] <= factor[1]:
            raise ConfigError(f'LimbScale: factor={factor} is not a range above 0.')
        self.factor = tuple(factor)

    def transform(self, results: dict) -> dict:
        view, layout = results['inputs'], results['layout']
        if not layout.groups:
            raise ConfigError(
                f"LimbScale needs `groups` of the layout, and layout '{layout.name}' has none: leave it out."
            )
        kind_of = {name: name.removeprefix('left ').removeprefix('right ') for name in layout.groups}
        kinds = list(dict.fromkeys(kind_of.values()))
        group = {joint: kinds.index(kind_of[name]) for name, joints in layout.groups.items() for joint in joints}
        drawn = results['random'].uniform(len(kinds), low=self.factor[0], high=self.factor[1])
        ungrouped = torch.ones_like(drawn[:, :1])
        joint_to_factor = torch.tensor(
            [group.get(joint, len(kinds)) for joint in range(layout.num_joints)], device=drawn.device
        )
        factors = torch.cat([drawn, ungrouped], 1)[:, joint_to_factor]
        return dict(results, inputs=scale_bones(view, layout, factors))


@TRANSFORMS.register_module()
class NeighborMask(SkeletonTransform):
    """Sets the joints around a few random ones to zero, in all frames and persons (SCD-Net's spatial mask).

    Joints are drawn with replacement; those that most walks of two bones reach from them are masked. Among equals
    chance decides.

    Required keys: ``inputs`` (N, M, T, V, C), ``random``, ``layout``. Modified key: ``inputs``.

    Args:
        num_drawn: Joints drawn.
        num_joints: Joints masked.
    """

    def __init__(self, num_drawn: int = 5, num_joints: int = 8) -> None:
        check_at_least(1, self, num_drawn=num_drawn, num_joints=num_joints)
        self.num_drawn = num_drawn
        self.num_joints = num_joints

    def transform(self, results: dict) -> dict:
        view, random, layout = results['inputs'], results['random'], results['layout']
        if self.num_joints > layout.num_joints:
            raise ConfigError(
                f'NeighborMask: num_joints={self.num_joints}, but the clips have only {layout.num_joints} joints.'
            )
        drawn = (random.uniform(self.num_drawn) * layout.num_joints).long()
        reached = torch.from_numpy(walks(layout)).to(view.device)[drawn].sum(1)
        # Counts are whole numbers: a number below 1 decides among equals only.
        masked = (reached + random.uniform(layout.num_joints)).topk(self.num_joints).indices
        visible = torch.ones_like(reached, dtype=view.dtype).scatter_(1, masked, 0)
        return dict(results, inputs=view * visible[:, None, None, :, None])
