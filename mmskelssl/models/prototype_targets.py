"""From a teacher's scores of prototypes to targets that use all prototypes alike."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmskelssl.models.losses import sharpened, sinkhorn
from mmskelssl.utils.errors import ConfigError


class PrototypeTargets(nn.Module):
    """Sharpened scores, balanced by the total batch or by a running mean.

    Args:
        num_prototypes: K.
        assignment: ``sinkhorn``, :func:`~mmskelssl.models.losses.sinkhorn` over all processes (SwAV, DINOv2), or
            ``centering``: the softmax of scores without their running mean (DINO).
        momentum: Of that mean.

    Attributes:
        mean: (1, K) of the last scores, for :meth:`move`; (0, K) where there were none.

    Raises:
        ConfigError: If the assignment is another.
    """

    def __init__(self, num_prototypes: int, assignment: str = 'sinkhorn', momentum: float = 0.9) -> None:
        super().__init__()
        if assignment not in ('sinkhorn', 'centering'):
            raise ConfigError(f"model.assignment='{assignment}' is neither 'sinkhorn' nor 'centering'.")
        self.momentum = momentum
        self.center: Tensor | None
        self.register_buffer('center', torch.zeros(num_prototypes) if assignment == 'centering' else None)
        self.mean = torch.zeros(0, num_prototypes)

    @torch.no_grad()
    def forward(self, scores: Tensor, temperature: float) -> Tensor:
        """Probabilities (N, K) of scores (N, K)."""
        if self.center is None:
            return sinkhorn(scores, temperature)
        self.mean = scores.mean(0, keepdim=True) if len(scores) else scores
        return sharpened(scores, self.center, temperature)

    def move(self, means: Tensor) -> None:
        """Moves the centre towards the mean of means (B, K), one of each batch and process that had scores."""
        if self.center is not None and len(means):
            self.center.lerp_(means.mean(0).to(self.center.dtype), 1 - self.momentum)
