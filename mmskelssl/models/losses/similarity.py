"""Similarities, the one thing that losses see."""

from __future__ import annotations

import torch
from torch import Tensor


def similarity(a: Tensor, b: Tensor) -> Tensor:
    """Inner products (N, K) of embeddings (N, D) and (K, D), in float32 at least, also under autocast.

    Temperatures of 0.05 turn a half-precision rounding error of a similarity into several percent of its weight.
    """
    with torch.autocast(a.device.type, enabled=False):
        return _exact(a) @ _exact(b).T


def paired_similarity(a: Tensor, b: Tensor) -> Tensor:
    """Inner products (N,) of the rows of two (N, D) embeddings, likewise."""
    with torch.autocast(a.device.type, enabled=False):
        return (_exact(a) * _exact(b)).sum(1)


def _exact(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
