"""Losses without negatives, on statistics of the total batch of all processes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor

from mmskelssl.models.losses.similarity import in_full_precision


@in_full_precision
def barlow_twins(a: Tensor, b: Tensor, redundancy_weight: float) -> Tensor:
    r"""Redundancy reduction (Zbontar et al., ICML 2021, eq. 1 and 2).

    .. math:: \sum_i (1 - C_{ii})^2 + \lambda \sum_i \sum_{j \neq i} C_{ij}^2

    with C the cross-correlation of both embeddings over the batch.

    Args:
        a: (N, D) embeddings of one view, not normalized.
        b: (N, D) of the other.
        redundancy_weight: λ.

    Returns:
        A scalar.
    """
    return _redundancy(_standardized(a).T @ _standardized(b) / len(a), redundancy_weight)


@in_full_precision
def cross_correlation(a: Tensor, b: Tensor, redundancy_weight: float) -> Tensor:
    """As :func:`barlow_twins`, of embeddings that are divided by their deviation over N - 1: at most (N - 1) / N is on
    the diagonal (USDRL's program).
    """
    scale = (len(a) - 1) / len(a)
    c = _standardized(a, eps=1e-12).T @ _standardized(b, eps=1e-12) / len(a)
    return _redundancy(scale * c, redundancy_weight)


@in_full_precision
def invariance(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared difference of two (N, D) embeddings (VICReg, Bardes et al., ICLR 2022, eq. 5; the mean over D as in
    its program).
    """
    return F.mse_loss(a, b)


@in_full_precision
def variance(z: Tensor, target: float = 1.0, eps: float = 1e-4) -> Tensor:
    r"""Hinge on the standard deviation of every dimension of (N, D) embeddings (VICReg, eq. 1 and 2).

    .. math:: \frac{1}{D} \sum_j \max(0, \gamma - \sqrt{\mathrm{Var}(z_j) + \epsilon})
    """
    return (target - (z.var(0) + eps).sqrt()).relu().mean()


@in_full_precision
def covariance(z: Tensor) -> Tensor:
    r"""Squared off-diagonal covariances of (N, D) embeddings (VICReg, eq. 3 and 4).

    .. math:: \frac{1}{D} \sum_{i \neq j} \mathrm{Cov}(z)_{ij}^2
    """
    centred = z - z.mean(0)
    c = centred.T @ centred / (len(z) - 1)
    return (c.square().sum() - c.diagonal().square().sum()) / z.shape[1]


@in_full_precision
def variance_covariance(z: Tensor, variance_weight: float) -> Tensor:
    """Weighted :func:`variance` plus :func:`covariance`: what keeps (N, D) embeddings from collapsing."""
    return variance_weight * variance(z) + covariance(z)


def consistency(views: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """Sum of the :func:`invariance` of each view's embeddings (N, D) and its target's."""
    return reduce(torch.add, [invariance(z, target) for z, target in zip(views, targets, strict=True)])


def concentration(views: Sequence[Tensor]) -> Tensor:
    """Sum of the :func:`invariance` of each view's embeddings (N, D) and the mean of all views'."""
    centre = reduce(torch.add, views) / len(views)
    return consistency(views, [centre] * len(views))


def _redundancy(c: Tensor, weight: float) -> Tensor:
    diagonal = c.diagonal()
    return (1 - diagonal).square().sum() + weight * (c.square().sum() - diagonal.square().sum())


def _standardized(z: Tensor, eps: float = 1e-5) -> Tensor:
    centred = z - z.mean(0)
    return centred * (centred.square().mean(0) + eps).rsqrt()
