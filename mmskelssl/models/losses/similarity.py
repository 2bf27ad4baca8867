"""Similarities, and the precision that losses are computed in."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import torch
from torch import Tensor


def in_full_precision(function: Callable) -> Callable:
    """Decorates a function of tensors: half-precision ones are float32 inside, also under autocast.

    Temperatures of 0.05 turn a half-precision rounding error of a similarity into several percent of its weight, and
    sums over a batch lose digits.
    """

    @wraps(function)
    def wrapped(*args, **kwargs):
        device = next(arg.device.type for arg in args if isinstance(arg, Tensor))
        with torch.autocast(device, enabled=False):
            return function(*map(_exact, args), **kwargs)

    return wrapped


@in_full_precision
def similarity(a: Tensor, b: Tensor) -> Tensor:
    """Inner products (N, K) of embeddings (N, D) and (K, D)."""
    return a @ b.T


@in_full_precision
def paired_similarity(a: Tensor, b: Tensor) -> Tensor:
    """Inner products (N,) of the rows of two (N, D) embeddings."""
    return (a * b).sum(1)


def _exact(x: object) -> object:
    return x.float() if isinstance(x, Tensor) and x.dtype in (torch.float16, torch.bfloat16) else x
