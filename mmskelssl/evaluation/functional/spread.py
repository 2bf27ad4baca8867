"""Whether embeddings say anything: how far they spread, and over how many dimensions."""

from __future__ import annotations

import torch
from torch import Tensor


def spread(embeddings: Tensor) -> float:
    """Root of the total variance of unit vectors (N, D): 0 if all are the same, 1 if their mean is zero.

    The standard deviation over channels that SimSiam watches (Chen & He, CVPR 2021), times √D.
    """
    x = embeddings.double()
    return (x - x.mean(0)).square().sum(1).mean().sqrt().item()


def effective_rank(embeddings: Tensor) -> float:
    r"""Number of dimensions that embeddings (N, D) use, from 1 to min(N, D).

    The exponential of the entropy of their normalized singular values (Roy & Vetterli, 2007; RankMe, Garrido et al.,
    ICML 2023): :math:`e^{-\sum_k p_k \log p_k},\; p_k = \sigma_k / \sum_j \sigma_j`.
    """
    x = embeddings.double()
    gram = x.T @ x if x.shape[0] > x.shape[1] else x @ x.T
    singular = torch.linalg.eigvalsh(gram).clamp(min=0).sqrt()
    return torch.special.entr(singular / singular.sum()).sum().exp().item()
