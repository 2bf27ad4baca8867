"""Activation checkpointing: memory for time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def run_blocks(blocks: Iterable[nn.Module], x: Tensor, with_cp: bool, *args: Any) -> Tensor:
    """Runs blocks one after the other, each :func:`checkpointed` if ``with_cp``; all of them are given ``args``."""
    for block in blocks:
        x = checkpointed(block, x, *args) if with_cp else block(x, *args)
    return x


@torch.compiler.disable
def checkpointed(block: Callable, *args: Any) -> Any:
    """Runs a block and keeps its inputs only; the backward pass runs it again to have the rest.

    The same numbers come out, random ones included, and batch statistics are counted once, although the block runs
    twice (Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016). Without gradients it is the block alone.
    ``torch.compile`` leaves blocks out that are checkpointed: it cannot trace the second run's own batch statistics.
    """
    if not torch.is_grad_enabled():
        return block(*args)
    modules = list(block.modules()) if isinstance(block, nn.Module) else []
    norms = [module for module in modules if isinstance(module, _BatchNorm) and module.track_running_stats]
    return checkpoint(block, *args, use_reentrant=False, context_fn=lambda: (nullcontext(), _not_counting(norms)))


@contextmanager
def _not_counting(norms: list[_BatchNorm]) -> Iterator[None]:
    """Copies take the counts meanwhile, whatever way a normalization has to make them."""
    counts = [dict(norm.named_buffers(recurse=False)) for norm in norms]
    for norm, buffers in zip(norms, counts, strict=True):
        for name, value in buffers.items():
            setattr(norm, name, value.clone())
    try:
        yield
    finally:
        for norm, buffers in zip(norms, counts, strict=True):
            for name, value in buffers.items():
                setattr(norm, name, value)
