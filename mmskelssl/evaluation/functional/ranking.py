"""Ranking by cosine similarity, in bounded memory."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmskelssl.utils.errors import ConfigError

# Similarities held at a time: 64 Mi floats are 256 MiB.
_MAX_SIMILARITIES = 1 << 26


@torch.no_grad()
def nearest(queries: Tensor, gallery: Tensor, k: int = 1) -> tuple[Tensor, Tensor]:
    """The k gallery features of highest cosine similarity to each query, nearest first.

    Args:
        queries: (Q, D) features, on the gallery's device.
        gallery: (G, D) features.
        k: Neighbours.

    Returns:
        (Q, k) float32 similarities, and (Q, k) int64 positions in the gallery.

    Raises:
        ConfigError: If the gallery has fewer than k features.
    """
    if not 1 <= k <= len(gallery):
        raise ConfigError(f'k={k} neighbours of {len(gallery)} gallery features: k must be from 1 to that number.')
    gallery = F.normalize(gallery.float(), dim=1)
    found = [
        _highest(F.normalize(part.float(), dim=1) @ gallery.T, k)
        for part in queries.split(max(1, _MAX_SIMILARITIES // len(gallery)))
    ]
    similarities, positions = zip(*found, strict=True)
    return torch.cat(similarities), torch.cat(positions)


def _highest(similarities: Tensor, k: int) -> tuple[Tensor, Tensor]:
    # Of equal similarities, argmax and the stable sort take the first, topk takes any.
    if k == 1:
        positions = similarities.argmax(1, keepdim=True)
    elif k == similarities.shape[1]:
        positions = similarities.argsort(dim=1, descending=True, stable=True)
    else:
        positions = similarities.topk(k, dim=1).indices
    return similarities.gather(1, positions), positions
