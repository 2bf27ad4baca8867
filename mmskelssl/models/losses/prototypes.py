"""Losses on scores of prototypes, and against collapse; statistics are of all processes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.dist import all_reduce
from torch import Tensor

from mmskelssl.models.losses.similarity import in_full_precision


@in_full_precision
@torch.no_grad()
def sinkhorn(scores: Tensor, temperature: float, rounds: int = 3) -> Tensor:
    """Probabilities (N, K) of scores (N, K) under which all prototypes are used alike (SwAV, Caron et al., 2020).

    Exponentials of scores / τ are divided in turn by the sums of their columns, over the clips of all processes, and of
    their rows.

    Args:
        scores: Of N rows, which may be none.
        temperature: τ.
        rounds: Of the algorithm of Sinkhorn and Knopp.
    """
    q = (scores / temperature).exp()
    for _ in range(rounds):
        column = q.sum(0)
        all_reduce(column)
        q = q / column
        q = q / q.sum(1, keepdim=True)
    return q


@in_full_precision
def class_token_loss(scores: Tensor, target: Tensor, temperature: float) -> Tensor:
    """Cross entropy of every view with every long one but itself (DINO, eq. 3).

    Args:
        scores: (V, P, K) of prototypes by the student's class tokens of V views, the long ones first.
        target: (L, P, K) probabilities of the L long views.
        temperature: τ of the student.
    """
    error = -torch.einsum('lpk,vpk->lvp', target, (scores / temperature).log_softmax(-1))
    is_other = ~torch.eye(*error.shape[:2], dtype=torch.bool, device=error.device)
    return error[is_other].mean()


@in_full_precision
def hidden_token_loss(scores: Tensor, target: Tensor, hidden: Tensor, temperature: float) -> Tensor:
    """Cross entropy of hidden tokens: the mean over those of a view, then over views (iBOT, eq. 2).

    Views without any count, with a loss of 0.

    Args:
        scores: (H, K) of prototypes by the student's hidden tokens.
        target: (H, K) probabilities.
        hidden: (..., L) bool, with H true entries, of what views they are.
        temperature: τ of the student.
    """
    error = -(target * (scores / temperature).log_softmax(-1)).sum(-1)
    share = 1 / hidden.sum(-1, keepdim=True).clamp(min=1).expand_as(hidden)[hidden]
    return (error * share).sum() / hidden.shape[:-1].numel()


@in_full_precision
def koleo(x: Tensor, eps: float = 1e-8) -> Tensor:
    """-log of the distance to the nearest other one, mean over vectors (N, D) that are brought to unit length.

    A single vector has no other, and a loss of 0.

    It spreads them evenly over the sphere (Sablayrolles et al., Spreading Vectors for Similarity Search, ICLR 2019).
    """
    if len(x) < 2:
        return 0 * x.sum()
    x = F.normalize(x, dim=1, eps=eps)
    similarity = (x @ x.T).fill_diagonal_(-1)
    nearest = x[similarity.argmax(1)]
    # As PyTorch's PairwiseDistance, which adds ε to the difference.
    distance = (x - nearest + eps).norm(dim=1)
    return -(distance + eps).log().mean()
