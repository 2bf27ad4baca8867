"""Contrast with nearest neighbours among past embeddings (NNCLR, Dwibedi et al., ICCV 2021; STARS)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmskelssl.models.losses.similarity import in_full_precision, similarity


def nearest_neighbours(z: Tensor, past: Tensor, is_own: Tensor, num_neighbors: int = 1) -> Tensor:
    """Slots (N, k) of the nearest past embeddings, the nearest first.

    Args:
        z: (N, D), unit length.
        past: (K, D), unit length.
        is_own: (N, K) bool, slots that are passed over because they hold the clip itself.
        num_neighbors: k.
    """
    return similarity(z, past).masked_fill(is_own, -torch.inf).topk(num_neighbors).indices


@in_full_precision
def neighbour_nce(predicted: Tensor, neighbour: Tensor, temperature: float) -> Tensor:
    r"""Cross entropy that finds a clip's prediction among those of a batch by its neighbour (NNCLR, eq. 2).

    .. math:: -\log \frac{e^{NN_i \cdot p_i / \tau}}{\sum_j e^{NN_i \cdot p_j / \tau}}

    Args:
        predicted: p (N, D), unit length.
        neighbour: NN (N, D), unit length.
        temperature: τ.

    Returns:
        The mean over the batch, a scalar.
    """
    logits = neighbour @ predicted.T / temperature
    return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device))
