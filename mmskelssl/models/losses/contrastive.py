"""Contrastive losses, as functions of similarities."""

from __future__ import annotations

import torch
from torch import Tensor


def info_nce(positive: Tensor, negatives: Tensor, temperature: float) -> Tensor:
    r"""InfoNCE (van den Oord et al., 2018; I²MD, eq. 1).

    .. math:: -\log \frac{e^{z_q \cdot z_k / \tau}}{e^{z_q \cdot z_k / \tau} + \sum_i e^{z_q \cdot m_i / \tau}}

    Args:
        positive: (N,) similarities of queries to their keys.
        negatives: (N, K) similarities of queries to past keys.
        temperature: The paper's τ.

    Returns:
        The mean over the batch, a scalar.

    Examples:
        >>> info_nce(torch.tensor([1.0]), torch.tensor([[0.0, 0.0]]), temperature=0.5)  # log(1 + 2 exp(-2))
        tensor(0.2395)
    """
    return multi_bank_info_nce(positive, [log_partition(negatives, temperature)], temperature)


def multi_bank_info_nce(positive: Tensor, partitions: list[Tensor], temperature: float) -> Tensor:
    """InfoNCE with the negatives of several banks, each given by its :func:`log_partition` (N,)."""
    positive = positive / temperature
    return (torch.stack([positive, *partitions]).logsumexp(0) - positive).mean()


def log_partition(negatives: Tensor, temperature: float) -> Tensor:
    """(N,) logarithm of the sum of exp(similarity / τ) over (N, K) negatives."""
    return (negatives / temperature).logsumexp(1)
