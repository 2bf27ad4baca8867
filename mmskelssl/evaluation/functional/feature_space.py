"""Feature spaces in which neighbours are looked for; each is fitted on training features."""

from __future__ import annotations

import torch
from torch import Tensor

# Directions that whitening keeps. Those of least variance are noise, which it would raise to the level of the others.
DIRECTIONS = 64


@torch.no_grad()
def centred(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    """Training features (N, D) and test features (Q, D) without the mean of the training features."""
    mean = train.float().mean(0)
    return train - mean, test - mean


@torch.no_grad()
def standardized(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    """Centred features, each scaled to unit variance over the training features; what varies by rounding alone is 0."""
    deviation = train.float().std(0, correction=0)
    scale = torch.where(deviation > 1e-6 * deviation.max(), 1 / deviation, 0.0)
    train, test = centred(train, test)
    return train * scale, test * scale


@torch.no_grad()
def whitened(train: Tensor, test: Tensor, directions: int = DIRECTIONS) -> tuple[Tensor, Tensor]:
    """Centred features along the directions in which training features vary most, each scaled to unit variance.

    Args:
        train: (N, D) features, on which mean, directions and variances are fitted.
        test: (Q, D) features.
        directions: How many are kept; fewer where training features vary in fewer.

    Returns:
        Training features (N, R) and test features (Q, R).
    """
    train, test = centred(train, test)
    _, deviations, axes = torch.linalg.svd(train.float(), full_matrices=False)
    rank = int((deviations > 1e-6 * deviations[0] * max(train.shape) ** 0.5).sum())
    kept = min(directions, max(rank, 1))
    projection = axes[:kept].T * (max(len(train) - 1, 1) ** 0.5 / deviations[:kept].clamp(min=1e-12))
    return train @ projection, test @ projection
