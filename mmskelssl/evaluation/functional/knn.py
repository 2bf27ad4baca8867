"""Classification by nearest neighbours."""

from __future__ import annotations

import torch
from torch import Tensor

from mmskelssl.evaluation.functional.ranking import nearest


def knn_votes(gallery: Tensor, gallery_labels: Tensor, queries: Tensor, k: int, num_classes: int) -> Tensor:
    """(Q, num_classes) float32: how many of the k nearest neighbours have each class; arguments as below."""
    _, neighbours = nearest(queries, gallery, k)
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
        ConfigError: If the gallery has fewer than k features.

    Examples:
        >>> gallery = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> knn_predict(gallery, torch.tensor([3, 5]), torch.tensor([[0.2, 0.9], [4.0, 1.0]]))
        tensor([5, 3])
    """
    return knn_votes(gallery, gallery_labels, queries, k, int(gallery_labels.max()) + 1).argmax(1)
