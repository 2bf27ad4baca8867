"""Nearest neighbours by matrix products, in bounded memory."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# Similarities held at a time: 64 Mi floats are 256 MiB.
_MAX_SIMILARITIES = 1 << 26


@torch.no_grad()
def nearest_neighbours(gallery: Tensor, queries: Tensor, k: int = 1) -> Tensor:
    """The k gallery features of highest cosine similarity to each query, nearest first.

    Args:
        gallery: (G, D) features.
        queries: (Q, D) features, on the gallery's device.
        k: Neighbours.

    Returns:
        (Q, k) int64 positions in the gallery.

    Raises:
        ValueError: If the gallery has fewer than k features.
    """
    if not 1 <= k <= len(gallery):
        raise ValueError(f'k={k} neighbours of {len(gallery)} gallery features: k must lie between the two.')
    gallery = F.normalize(gallery.float(), dim=1)
    chunk = max(1, _MAX_SIMILARITIES // len(gallery))
    neighbours = []
    for part in queries.split(chunk):
        similarities = F.normalize(part.float(), dim=1) @ gallery.T
        neighbours.append(similarities.topk(k, dim=1).indices if k > 1 else similarities.argmax(1, keepdim=True))
    return torch.cat(neighbours)


def knn_votes(gallery: Tensor, gallery_labels: Tensor, queries: Tensor, k: int, num_classes: int) -> Tensor:
    """(Q, num_classes) float32: how many of the k nearest neighbours have each class; arguments as above."""
    neighbours = nearest_neighbours(gallery, queries, k)
    votes = torch.zeros(len(queries), num_classes, device=queries.device)
    return votes.scatter_add_(1, gallery_labels[neighbours], torch.ones_like(neighbours, dtype=votes.dtype))


def knn_predict(gallery: Tensor, gallery_labels: Tensor, queries: Tensor, k: int = 1) -> Tensor:
    """Classifies by the k nearest neighbours in cosine similarity; a tied vote goes to the lower label.

    Args:
        gallery: (G, D) features.
        gallery_labels: (G,) int64, 0-based.
        queries: (Q, D) features, on the gallery's device.
        k: Neighbours that vote.

    Returns:
        (Q,) int64 labels.

    Raises:
        ValueError: If the gallery has fewer than k features.
    """
    return knn_votes(gallery, gallery_labels, queries, k, int(gallery_labels.max()) + 1).argmax(1)
