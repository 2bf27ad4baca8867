"""Spatial augmentations of views (N, M, T, V, C): linear maps of the coordinates, one matrix a clip."""

from __future__ import annotations

import math

import torch
from mmcv.transforms import BaseTransform
from torch import Tensor

from mmskelssl.registry import TRANSFORMS


def map_coordinates(view: Tensor, matrix: Tensor) -> Tensor:
    """Multiplies every joint of clip n by ``matrix[n]``.

    Args:
        view: (N, M, T, V, C).
        matrix: (N, C, C), applied to column vectors.

    Returns:
        (N, M, T, V, C).
    """
    num_clips, num_coords = view.shape[0], view.shape[-1]
    # Products of height 3 keep a BLAS kernel idle: four joints at once by a block-diagonal matrix take a quarter of
    # the time on CPUs.
    joints = math.gcd(4, view.shape[1:-1].numel())
    width = joints * num_coords
    eye = torch.eye(joints, dtype=matrix.dtype, device=matrix.device)
    blocks = torch.einsum('ij,ndc->nicjd', eye, matrix).reshape(num_clips, width, width)
    return torch.bmm(view.reshape(num_clips, -1, width), blocks).view(view.shape)


@TRANSFORMS.register_module()
class Shear(BaseTransform):
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

    def transform(self, results: dict) -> dict:
        view = results['inputs']
        matrix = results['random'].uniform(3, 3, low=-self.amplitude, high=self.amplitude)
        matrix.diagonal(dim1=1, dim2=2).fill_(1)
        if self.orthogonalize:
            u, _, vh = torch.linalg.svd(matrix)
            matrix = u @ vh
        return dict(results, inputs=map_coordinates(view, matrix))

    def __repr__(self) -> str:
        return f'Shear(amplitude={self.amplitude}, orthogonalize={self.orthogonalize})'


@TRANSFORMS.register_module()
class JointCorruption(BaseTransform):
    """Sets random joints to zero, or multiplies them by one random matrix (ISC, CMD, I²MD, MMCV).

    The same joints of all persons are taken over the whole view. With probability 1/2 they are set to zero, else
    multiplied by a matrix with entries uniform in [-1, 1].

    Required keys: ``inputs`` (N, M, T, V, 3), ``random``. Modified key: ``inputs``.

    Args:
        num_joints: Joints taken.
    """

    def __init__(self, num_joints: int = 15) -> None:
        self.num_joints = num_joints

    def transform(self, results: dict) -> dict:
        view, random = results['inputs'], results['random']
        total, num_coords = view.shape[-2:]
        if self.num_joints > total:
            raise ValueError(f'JointCorruption: num_joints={self.num_joints}, but the clips have only {total} joints.')
        taken = random.subset(self.num_joints, total)
        matrix = random.uniform(3, 3, low=-1, high=1) * (random.uniform() >= 0.5)[:, None, None]
        taken = taken[:, :, None].expand(-1, -1, num_coords).reshape(len(view), 1, -1)
        flat = view.reshape(len(view), -1, total * num_coords)
        corrupted = map_coordinates(view, matrix).view(flat.shape)
        return dict(results, inputs=torch.where(taken, corrupted, flat).view(view.shape))

    def __repr__(self) -> str:
        return f'JointCorruption(num_joints={self.num_joints})'


@TRANSFORMS.register_module()
class RandomTurn(BaseTransform):
    """Turns each clip about the vertical axis (y), as if seen from another side.

    Required keys: ``inputs`` (N, M, T, V, 3), ``random``. Modified key: ``inputs``.

    Args:
        max_angle: Turns are uniform in [-max_angle, max_angle], in degrees.
    """

    def __init__(self, max_angle: float = 90.0) -> None:
        self.max_angle = max_angle

    def transform(self, results: dict) -> dict:
        bound = math.radians(self.max_angle)
        angle = results['random'].uniform(low=-bound, high=bound)
        return dict(results, inputs=map_coordinates(results['inputs'], turn_about_y(angle)))

    def __repr__(self) -> str:
        return f'RandomTurn(max_angle={self.max_angle})'


def turn_about_y(angle: Tensor) -> Tensor:
    """Rotation matrices (N, 3, 3) about the y axis by angles (N,) in radians."""
    cos, sin = angle.cos(), angle.sin()
    zero, one = torch.zeros_like(cos), torch.ones_like(cos)
    return torch.stack([cos, zero, sin, zero, one, zero, -sin, zero, cos], 1).view(-1, 3, 3)
