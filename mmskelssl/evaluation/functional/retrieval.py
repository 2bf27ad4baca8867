"""Retrieval: how the clips of a query's class rank among a gallery's."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmskelssl.evaluation.functional.ranking import nearest

# Ranks held at a time: they take 64-bit numbers.
_MAX_RANKS = 1 << 24


@torch.no_grad()
def retrieval_metrics(
    gallery: Tensor, gallery_labels: Tensor, queries: Tensor, labels: Tensor, recalls: Sequence[int] = (1, 5, 10)
) -> dict[str, float]:
    """Mean average precision and recall at k by cosine similarity, in percent.

    Recall at k is the share of queries with a clip of their class among the k nearest. Average precision is the mean,
    over the clips of the query's class, of the precision at their ranks; queries whose class the gallery lacks have 0.

    Args:
        gallery: (G, D) features.
        gallery_labels: (G,) int64.
        queries: (Q, D) features.
        labels: (Q,) int64.
        recalls: The k.

    Returns:
        ``map`` and ``recall@{k}``.
    """
    rank = torch.arange(1, len(gallery) + 1, device=gallery.device)
    precisions, firsts = [], []
    chunk = max(1, _MAX_RANKS // len(gallery))
    for part, truth in zip(queries.split(chunk), labels.split(chunk), strict=True):
        _, order = nearest(part, gallery, len(gallery))
        hits = gallery_labels[order] == truth[:, None]
        total = hits.sum(1)
        precisions.append((hits.cumsum(1) / rank * hits).double().sum(1) / total.clamp(min=1))
        firsts.append(torch.where(total > 0, hits.int().argmax(1) + 1.0, torch.inf))
    first = torch.cat(firsts)
    recall = {f'recall@{k}': 100 * (first <= k).double().mean().item() for k in recalls}
    return dict(map=100 * torch.cat(precisions).mean().item(), **recall)
