"""Barlow Twins (Zbontar et al., Self-Supervised Learning via Redundancy Reduction, ICML 2021)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mmskelssl.models.algorithms.decorrelation import Decorrelation
from mmskelssl.models.losses import barlow_twins
from mmskelssl.registry import MODELS


@MODELS.register_module()
class BarlowTwins(Decorrelation):
    """The cross-correlation of two views' embeddings is drawn to the identity; with several streams, in each by itself.

    Args:
        redundancy_weight: λ; 0.0051 in the paper.
        **kwargs: Of :class:`SelfSupervised`.
    """

    def __init__(self, *args, redundancy_weight: float = 0.0051, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.redundancy_weight = redundancy_weight

    def loss(self, inputs: Sequence[Tensor], data_samples: dict | None = None) -> dict[str, Tensor]:
        """Losses ``loss_{entity}`` (eq. 1) of two views, each (N, M, T, V, C)."""
        pairs = self.embed_pair(*inputs)
        return {f'loss_{name}': barlow_twins(a, b, self.redundancy_weight) for name, (a, b) in pairs.items()}
