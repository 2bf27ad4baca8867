"""Spatial augmentations of views (N, M, T, V, C): linear maps of the coordinates, one matrix per clip, and noise."""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from torch import Tensor

from mmskelssl.datasets.keyed_random import KeyedRandom
from mmskelssl.datasets.transforms.base import SkeletonTransform
from mmskelssl.registry import TRANSFORMS
from mmskelssl.utils.errors import ConfigError


def map_coordinates(view: Tensor, matrix: Tensor, joints: Tensor | None = None) -> Tensor:
    """Multiplies joints of clip n by ``matrix[n]``.

    Args:
        view: (N, M, T, V, C).
        matrix: (N, C, C), applied to column vectors.
        joints: (N, V) bool, the joints to multiply; by default all.

    Returns:
        (N, M, T, V, C).
    """
    num_clips, num_coords = view.shape[0], view.shape[-1]
    # Products of height 3 keep a BLAS kernel idle: four joints at once by a block-diagonal matrix take a quarter of
    # the time on CPUs.
    block = math.gcd(4, view.shape[1:-1].numel())
    eye = torch.eye(block, dtype=matrix.dtype, device=matrix.device)
    blocks = torch.kron(eye, matrix.transpose(1, 2).contiguous())
    mapped = torch.bmm(view.reshape(num_clips, -1, block * num_coords), blocks)
    if joints is not None:
        # Weights of 0 and 1 choose exactly; on CPUs this takes a third of the time of torch.where.
        others = (~joints).to(view.dtype).repeat_interleave(num_coords, 1)[:, None]
        frames = (num_clips, -1, others.shape[-1])
        mapped = mapped.view(frames).lerp_(view.reshape(frames), others)
    return mapped.view(view.shape)


class LinearMap(SkeletonTransform):
    """Multiplies joints by one random matrix per clip.

    Required keys: ``inputs`` (N, M, T, V, 3), ``random``. Modified key: ``inputs``.
    """

    @abstractmethod
    def matrices(self, random: KeyedRandom, num_joints: int) -> tuple[Tensor, Tensor | None]:
        """Matrices (N, 3, 3) for column vectors and the joints (N, V) bool that they are for; None is all joints."""

    def transform(self, results: dict) -> dict:
        view = results['inputs']
        return dict(results, inputs=map_coordinates(view, *self.matrices(results['random'], view.shape[-2])))


@TRANSFORMS.register_module()
class Shear(LinearMap):
    """Multiplies all joints of a clip by one random matrix of unit diagonal (pose augmentation).

    Required keys: ``inputs`` (N, M, T, V, 3), ``random``. Modified key: ``inputs``.

    Args:
        amplitude: Off-diagonal entries are uniform in [-amplitude, amplitude]: 1 in ISC, CMD, I²MD and MMCV, 0.5 in
            CrosSCLR.
        orthogonalize: Whether to replace the matrix by its nearest orthogonal one, U Vᵀ of its singular value
            decomposition, as MMCV does. The view is then turned, not sheared.
    """

    def __init__(self, amplitude: float = 1.0, orthogonalize: bool = False) -> None:
        self.amplitude = amplitude
        self.orthogonalize = orthogonalize

    def matrices(self, random: KeyedRandom, num_joints: int) -> tuple[Tensor, None]:
        matrix = random.uniform(3, 3, low=-self.amplitude, high=self.amplitude)
        matrix.diagonal(dim1=1, dim2=2).fill_(1)
        if self.orthogonalize:
            u, _, vh = torch.linalg.svd(matrix)
            matrix = u @ vh
        return matrix, None


@TRANSFORMS.register_module()
class JointCorruption(LinearMap):
    """Sets random joints to zero, or multiplies them by one random matrix (ISC, CMD, I²MD, MMCV).

    The same joints of all persons are taken over the whole view. With probability 1/2 they are set to zero, else
    multiplied by a matrix with entries uniform in [-1, 1].

    Required keys: ``inputs`` (N, M, T, V, 3), ``random``. Modified key: ``inputs``.

    Args:
        num_joints: Joints taken.
    """

    def __init__(self, num_joints: int = 15) -> None:
        self.num_joints = num_joints

    def matrices(self, random: KeyedRandom, num_joints: int) -> tuple[Tensor, Tensor]:
        if self.num_joints > num_joints:
            raise ConfigError(
                f'JointCorruption: num_joints={self.num_joints}, but the clips have only {num_joints} joints.'
            )
        joints = random.subset(self.num_joints, num_joints)
        matrix = random.uniform(3, 3, low=-1, high=1) * (random.uniform() >= 0.5)[:, None, None]
        return matrix, joints


@TRANSFORMS.register_module()
class RandomTurn(LinearMap):
    """Turns each clip about the vertical axis (y), as if seen from another side.

    Required keys: ``inputs`` (N, M, T, V, 3), ``random``. Modified key: ``inputs``.

    Args:
        max_angle: Turns are uniform in [-max_angle, max_angle], in degrees.
    """

    def __init__(self, max_angle: float = 90.0) -> None:
        self.max_angle = max_angle

    def matrices(self, random: KeyedRandom, num_joints: int) -> tuple[Tensor, None]:
        bound = math.radians(self.max_angle)
        return turn_about_y(random.uniform(low=-bound, high=bound)), None


@TRANSFORMS.register_module()
class AxisMask(LinearMap):
    """Sets one of the coordinates x, y, z to zero, for the whole clip (AimCLR, HiCLR, SLiM).

    Required keys: ``inputs`` (N, M, T, V, 3), ``random``. Modified key: ``inputs``.
    """

    def matrices(self, random: KeyedRandom, num_joints: int) -> tuple[Tensor, None]:
        return torch.diag_embed((~random.subset(1, 3)).float()), None


@TRANSFORMS.register_module()
class GaussianNoise(SkeletonTransform):
    """Adds independent normal noise to every number (AimCLR, HiCLR, SLiM).

    Required keys: ``inputs`` (N, M, T, V, C), ``random``. Modified key: ``inputs``.

    Args:
        std: Standard deviation, in the unit of the coordinates.
    """

    def __init__(self, std: float = 0.01) -> None:
        self.std = std

    def transform(self, results: dict) -> dict:
        view = results['inputs']
        noise = results['random'].normal(*view.shape[1:]).to(view.dtype)
        return dict(results, inputs=torch.add(view, noise, alpha=self.std))


@TRANSFORMS.register_module()
class JointOffset(SkeletonTransform):
    """Displaces each joint by a random vector that stays the same over the whole clip: another body, the same movement.

    What is zero in all frames, as an absent person is, stays zero.

    Required keys: ``inputs`` (N, M, T, V, C), ``random``. Modified key: ``inputs``.

    Args:
        std: Standard deviation of the vectors' coordinates, in the unit of the coordinates.
    """

    def __init__(self, std: float = 0.4) -> None:
        self.std = std

    def transform(self, results: dict) -> dict:
        view = results['inputs']
        persons, _, joints, coords = view.shape[1:]
        offset = results['random'].normal(persons, 1, joints, coords).to(view.dtype)
        seen = view.ne(0).any(-1, keepdim=True).any(2, keepdim=True)
        return dict(results, inputs=torch.add(view, offset * seen, alpha=self.std))


def turn_about_y(angle: Tensor) -> Tensor:
    """Rotation matrices (N, 3, 3) about the y axis by angles (N,) in radians."""
    cos, sin = angle.cos(), angle.sin()
    zero, one = torch.zeros_like(cos), torch.ones_like(cos)
    return torch.stack([cos, zero, sin, zero, one, zero, -sin, zero, cos], 1).view(-1, 3, 3)
