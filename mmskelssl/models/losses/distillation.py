"""Distributions over keys and bank that others follow (CMD, ECCV 2022; I²MD, section 3.2; AimCLR, AAAI 2022)."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Neighbourhood(NamedTuple):
    """The distribution of a teacher over its nearest neighbours in the bank (I²MD, eq. 2).

    Args:
        outside: (N, K) bool, the slots that are no neighbours; None if all are.
        probability: (N, K) p_i(z_k, τ_t), zero outside.
        entropy: (N,) of the distribution.
    """

    outside: Tensor | None
    probability: Tensor
    entropy: Tensor


@torch.no_grad()
def neighbourhood(similarities: Tensor, num_neighbors: int, temperature: float) -> Neighbourhood:
    """The teacher's side of :func:`distillation`, to be shared by all its students.

    Args:
        similarities: (N, K) z_k · M of the teacher.
        num_neighbors: The paper's K_c, at most K. Neighbours at exactly the distance of the last one belong to them.
        temperature: τ_t.
    """
    outside = None
    if num_neighbors < similarities.shape[1]:
        # The last neighbour's similarity is enough to tell them all: no order, no indices, nothing gathered.
        rank = similarities.shape[1] - num_neighbors + 1
        outside = similarities < similarities.kthvalue(rank, dim=1, keepdim=True).values
        similarities = similarities.masked_fill(outside, -torch.inf)
    log_probability = (similarities / temperature).log_softmax(1)
    probability = log_probability.exp()
    entropy = torch.special.entr(probability).sum(1)
    return Neighbourhood(outside, probability, entropy)


def distillation(teacher: Neighbourhood, student: Tensor, temperature: float) -> Tensor:
    r"""KL divergence from a teacher's to a student's distribution over the teacher's neighbours (I²MD, eq. 3).

    .. math:: \sum_{i=1}^{K_c} p_i(z_k^a, \tau_t) \log \frac{p_i(z_k^a, \tau_t)}{p_i(z_q^b, \tau_s)}

    Args:
        teacher: Of z_k of entity a.
        student: (N, K) z_q · M of entity b, whose bank has the same clips in the same slots.
        temperature: τ_s.

    Returns:
        The mean over the batch, a scalar.
    """
    logits = student / temperature
    inside = logits if teacher.outside is None else logits.masked_fill(teacher.outside, -torch.inf)
    # KL = -H(p) - Σ p log q, and log q = logits - logsumexp(inside): the sum of p is one.
    cross_entropy = inside.logsumexp(1) - (teacher.probability * logits).sum(1)
    return (cross_entropy - teacher.entropy).mean()


def distribution_alignment(teacher: Tensor, student: Tensor, temperature: float) -> Tensor:
    r"""Cross entropy of a student's distribution over key and bank with a teacher's, which gets no gradient (AimCLR).

    .. math:: -\sum_i p_i(teacher) \log p_i(student), \quad p(z) = \mathrm{softmax}([z \cdot z_k,\; z \cdot M] / \tau)

    Args:
        teacher: (N, 1 + K) similarities to the key and to the bank.
        student: (N, 1 + K), to the same key and bank.
        temperature: τ.

    Returns:
        The mean over the batch, a scalar.
    """
    return F.cross_entropy(student / temperature, (teacher.detach() / temperature).softmax(1))
