"""Losses of masked prediction."""

from __future__ import annotations

from torch import Tensor

from mmskelssl.models.losses.similarity import in_full_precision


@in_full_precision
def squared_error(predicted: Tensor, target: Tensor) -> Tensor:
    """Squared differences of predictions (P, Q, D) and their targets, mean over the D numbers: (P, Q)."""
    return (predicted - target).square().mean(-1)


@in_full_precision
def weighted_squared_error(predicted: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """:func:`squared_error` with a weight (P, Q, D) for each number."""
    return (weight * (predicted - target).square()).mean(-1)


@in_full_precision
def distribution_error(predicted: Tensor, target: Tensor, temperature: float) -> Tensor:
    """Cross entropy of the softmax of predictions / τ with target probabilities, both (P, Q, D), over D: (P, Q).

    (S-JEPA, Abdelfattah & Alahi, ECCV 2024; DINO, Caron et al., ICCV 2021.)
    """
    return -(target * (predicted / temperature).log_softmax(-1)).sum(-1)


@in_full_precision
def sharpened(tokens: Tensor, center: Tensor, temperature: float) -> Tensor:
    """Probabilities (..., D), softmax over D of tokens (..., D) without their mean (D,), divided by τ (DINO)."""
    return ((tokens - center) / temperature).softmax(-1)


@in_full_precision
def masked_mean(error: Tensor, mask: Tensor) -> Tensor:
    """Mean (P,) over the entries of errors (P, Q) where the mask is true; each row has such entries."""
    return (error * mask).sum(1) / mask.sum(1)
