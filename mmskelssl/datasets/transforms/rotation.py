"""Rotations of views (N, M, T, V, 3) about three axes, one for the whole clip."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mmskelssl.datasets.keyed_random import KeyedRandom
from mmskelssl.datasets.transforms.spatial import LinearMap
from mmskelssl.registry import TRANSFORMS


def turn_about_axes(angles: Tensor) -> Tensor:
    """Rotation matrices (N, 3, 3) about x, then y, then z by angles (N, 3) in radians.

    Matrices are for column vectors, and of the sense of the official programs (MAMP, AimCLR, SCD-Net): about x,
    y' = cos·y + sin·z and z' = -sin·y + cos·z; cyclically for y (z, x) and z (x, y).
    """
    about_x, about_y, about_z = (_turn_about(axis, angles[:, axis]) for axis in range(3))
    return about_z @ about_y @ about_x


def _turn_about(axis: int, angle: Tensor) -> Tensor:
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix = torch.eye(3, dtype=angle.dtype, device=angle.device).repeat(len(angle), 1, 1)
    matrix[:, first, first] = matrix[:, second, second] = angle.cos()
    matrix[:, first, second] = angle.sin()
    matrix[:, second, first] = -angle.sin()
    return matrix


@TRANSFORMS.register_module()
class RandomRotation(LinearMap):
    """Turns each clip about all three axes through the origin (MAMP, STARS, SLiM).

    Required keys: ``inputs`` (N, M, T, V, 3), ``random``. Modified key: ``inputs``.

    Args:
        max_angle: The three angles are uniform in [-max_angle, max_angle], in degrees; by default 0.3 rad.
    """

    def __init__(self, max_angle: float = math.degrees(0.3)) -> None:
        self.max_angle = max_angle

    def matrices(self, random: KeyedRandom, num_joints: int) -> tuple[Tensor, None]:
        bound = math.radians(self.max_angle)
        return turn_about_axes(random.uniform(3, low=-bound, high=bound)), None


@TRANSFORMS.register_module()
class MainAxisRotation(LinearMap):
    """Turns each clip about one axis drawn for it, and a little about the other two (AimCLR, HiCLR, SCD-Net).

    Required keys: ``inputs`` (N, M, T, V, 3), ``random``. Modified key: ``inputs``.

    Args:
        max_angle: The angle about the drawn axis is uniform in [0, max_angle], in degrees.
        max_other_angle: The angles about the other two are uniform in [0, max_other_angle], in degrees.
    """

    def __init__(self, max_angle: float = 30.0, max_other_angle: float = 1.0) -> None:
        self.max_angle = max_angle
        self.max_other_angle = max_other_angle

    def matrices(self, random: KeyedRandom, num_joints: int) -> tuple[Tensor, None]:
        is_main = random.subset(1, 3)
        bounds = torch.where(is_main, math.radians(self.max_angle), math.radians(self.max_other_angle))
        return turn_about_axes(random.uniform(3) * bounds), None
