"""Nearest neighbours by matrix products, in bounded memory.

Where the CPU multiplies bfloat16 natively, a first product in that precision leaves the few gallery features that may
be among the nearest, by a bound on its error that always holds, and only those are compared in float32.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

# Similarities held at a time: 64 Mi floats are 256 MiB.
_MAX_SIMILARITIES = 1 << 26
# Below so many multiplications a call, one product in float32 is the shorter way.
_MIN_SCREENED = 1 << 32
# Among more candidates than this share of the gallery, comparing one by one takes longer than a product of all.
_MAX_CANDIDATES = 1 / 64
# Features of a group, and pairs that are compared at a time.
_GROUP = 64
_PAIRS = 1 << 12


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
    work = gallery.numel() * len(queries)
    screen = _Screen(gallery) if work >= _MIN_SCREENED and _is_fast_in_bfloat16(gallery.device) else None
    neighbours = []
    for part in queries.split(max(1, _MAX_SIMILARITIES // len(gallery))):
        part = F.normalize(part.float(), dim=1)
        found = None if screen is None else screen.nearest(part, k)
        if found is None:
            similarities = part @ gallery.T
            found = similarities.topk(k, dim=1).indices if k > 1 else similarities.argmax(1, keepdim=True)
        neighbours.append(found)
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


class _Screen:
    """Finds nearest neighbours by a product in bfloat16 and a comparison of the candidates that it leaves.

    With x = x' + dx in bfloat16, a similarity is off by at most |dx| |y| + |x'| |dy|, by Cauchy and Schwarz, and by the
    rounding of sum and result. A feature that is among the k nearest therefore has a rounded similarity of no less
    than the k-th highest minus twice that bound. Candidates are looked for in groups of features whose highest
    similarity is as high: most groups have none.

    Args:
        gallery: (G, D) float32 of unit length.
    """

    def __init__(self, gallery: Tensor) -> None:
        self.gallery = gallery
        rounded = gallery.bfloat16()
        self.error = _rounding_error(gallery, rounded).max()
        self.rounded = F.pad(rounded, (0, 0, 0, -len(gallery) % _GROUP))

    def nearest(self, queries: Tensor, k: int) -> Tensor | None:
        """(Q, k) positions for queries (Q, D) of unit length; None if too many candidates are left."""
        rounded = queries.bfloat16()
        similarities = rounded @ self.rounded.T
        similarities[:, len(self.gallery) :] = -2  # lower than any similarity
        similarities = similarities.unflatten(1, (_GROUP, -1))
        highest = similarities.amax(1)
        if k > highest.shape[1]:
            return None
        top = highest.float().topk(k, dim=1).values
        epsilon = torch.finfo(torch.bfloat16).eps
        bound = _rounding_error(queries, rounded) + (1 + epsilon) * self.error
        bound += epsilon * (top[:, 0].abs() + bound) + 2.0**-23 * queries.shape[1]
        threshold = top[:, -1] - 2 * bound
        query, group = (highest.float() >= threshold[:, None]).nonzero(as_tuple=True)
        if len(query) > k * len(queries) + highest.numel() // 4:
            return None
        member, within = (similarities[query, :, group].float() >= threshold[query, None]).nonzero(as_tuple=True)
        candidate = within * highest.shape[1] + group[member]
        query = query[member]
        if len(query) > k * len(queries) + _MAX_CANDIDATES * similarities.numel():
            return None
        parts = zip(query.split(_PAIRS), candidate.split(_PAIRS), strict=True)
        exact = torch.cat([(queries[i] * self.gallery[j]).sum(1) for i, j in parts])
        order = exact.argsort(descending=True)
        order = order[query[order].argsort(stable=True)]
        counts = query.bincount(minlength=len(queries))
        first = counts.cumsum(0) - counts
        return candidate[order[first[:, None] + torch.arange(k)]]


def _rounding_error(exact: Tensor, rounded: Tensor) -> Tensor:
    """(N,) length of what rounding takes from each row."""
    return (exact - rounded.float()).norm(dim=1)


@cache
def _is_fast_in_bfloat16(device: torch.device) -> bool:
    """Whether this is a CPU with units for products in bfloat16; without them they are slower than in float32."""
    try:
        flags = set(Path('/proc/cpuinfo').read_text().split())
    except OSError:
        return False
    return device.type == 'cpu' and bool(flags & {'avx512_bf16', 'amx_bf16'})
