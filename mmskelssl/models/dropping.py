"""Dropping what an encoder attends to most (AimCLR, Guo et al., AAAI 2022)."""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce
from torch import Tensor

from mmskelssl.models.losses import in_full_precision


@in_full_precision
def drop_salient(maps: Tensor, threshold: float, eps: float = 1e-4) -> Tensor:
    r"""Sets the salient joints, and the salient places, of maps to zero; nothing in it is random.

    With :math:`e = (x - \mu_{T, V})^2` and its variance v over frames and joints, a place has the energy
    :math:`a = \mathrm{sigmoid}(e / 4 (v + \epsilon) + 1/2)`. Joints whose mean energy, and places whose energy, reach
    the threshold are dropped. What is left is scaled up by its share in the total batch of all processes.

    Args:
        maps: (N, M, C, T, V).
        threshold: κ.
        eps: ε.

    Returns:
        (N, M, C, T, V).
    """
    with torch.no_grad():
        energy = (maps - maps.mean((3, 4), keepdim=True)).square()
        variance = energy.sum((3, 4), keepdim=True) / (maps.shape[3] * maps.shape[4] - 1)
        energy = (energy / (4 * (variance + eps)) + 0.5).sigmoid()
        kept = _rescaled(energy.mean((2, 3), keepdim=True) < threshold) * _rescaled(energy < threshold)
    return maps * kept.to(maps.dtype)


def _rescaled(mask: Tensor) -> Tensor:
    """A mask with mean 1 over all processes."""
    counts = torch.stack([mask.new_tensor(mask.numel(), dtype=torch.float64), mask.sum(dtype=torch.float64)])
    all_reduce(counts)
    return mask * (counts[0] / counts[1].clamp(min=1))
