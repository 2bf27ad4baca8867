"""Cross-modal positive mining with context (CrosSCLR, Li et al., CVPR 2021)."""

from __future__ import annotations

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
    mined = teacher.detach().topk(topk, dim=1, sorted=False).indices
    positives = [positive[:, None], *(part.gather(1, mined) for part in parts)]
    every = torch.stack([positive / temperature, *((part / temperature).logsumexp(1) for part in parts)])
    return (every.logsumexp(0) - torch.cat(positives, 1).mean(1) / temperature).mean()
