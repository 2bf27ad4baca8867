"""Contrast with neighbours in the bank as further positives (CrosSCLR, Li et al., CVPR 2021; AimCLR, AAAI 2022)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def positive_mining(
    positive: Tensor, student: Tensor, teacher: Tensor, topk: int, temperature: float, context: bool = True
) -> Tensor:
    r"""Contrast of modality a with the neighbours that modality b finds as further positives.

    The logits of a are :math:`[z^a z_k^a,\; z^a M^a,\; (z^a M^a) \circ (z^b M^b)] / \tau`, the last part being the
    contrastive context. Positives are the instance itself and, in both other parts, the k nearest neighbours by
    :math:`z^b M^b`; the loss is the mean over them of the negative log-softmax.

    Args:
        positive: (N,) z_q · z_k of a.
        student: (N, K) z_q · M of a.
        teacher: (N, K) z_q · M of b.
        topk: Neighbours mined.
        temperature: τ.
        context: Whether the third part is there.

    Returns:
        The mean over the batch, a scalar.
    """
    parts = (student, student * teacher) if context else (student,)
    return mined_contrast(positive, parts, nearest(teacher, topk), temperature)


def nearest(similarities: Tensor, topk: int) -> Tensor:
    """(N, K) bool, the k largest of each row of similarities (N, K)."""
    slots = similarities.detach().topk(topk, dim=1, sorted=False).indices
    return torch.zeros_like(similarities, dtype=torch.bool).scatter_(1, slots, True)


def mined_contrast(positive: Tensor, parts: Sequence[Tensor], mined: Tensor, temperature: float) -> Tensor:
    r"""Contrast with the key and a set of slots as positives: the mean over them of the negative log-softmax.

    .. math:: -\frac{1}{|P|} \sum_{i \in P} \log \mathrm{softmax}_i([z_q \cdot z_k,\; z_q \cdot M] / \tau)

    Args:
        positive: (N,) z_q · z_k.
        parts: Logits (N, K) before the temperature, each over all slots: z_q · M, and what else there is of them.
        mined: (N, K) bool, the slots that are positives, in every part; their number may differ between clips.
        temperature: τ.

    Returns:
        The mean over the batch, a scalar.
    """
    every = torch.stack([positive / temperature, *((part / temperature).logsumexp(1) for part in parts)]).logsumexp(0)
    total = torch.stack([positive, *((part * mined).sum(1) for part in parts)]).sum(0)
    count = 1 + len(parts) * mined.sum(1)
    return (every - total / count / temperature).mean()
