"""VICReg (Bardes et al., Variance-Invariance-Covariance Regularization, ICLR 2022)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mmskelssl.models.algorithms.decorrelation import Decorrelation
from mmskelssl.models.losses import covariance, invariance, variance
from mmskelssl.registry import MODELS


@MODELS.register_module()
class VICReg(Decorrelation):
    """Two views' embeddings are equal, vary in every dimension, and dimensions are uncorrelated.

    Args:
        invariance_weight: λ.
        variance_weight: μ.
        covariance_weight: ν.
        **kwargs: Of :class:`SelfSupervised`.
    """

    def __init__(
        self,
        *args,
        invariance_weight: float = 25.0,
        variance_weight: float = 25.0,
        covariance_weight: float = 1.0,
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.weights = invariance_weight, variance_weight, covariance_weight

    def loss(self, inputs: Sequence[Tensor], data_samples: dict | None = None) -> dict[str, Tensor]:
        """Losses ``loss_{entity}_{term}``, whose sum is eq. 6, of two views, each (N, M, T, V, C).

        As in the paper's program, the variance of the two views is averaged and their covariance is added.
        """
        losses = {}
        for name, (a, b) in self.embed_pair(*inputs).items():
            terms = invariance(a, b), (variance(a) + variance(b)) / 2, covariance(a) + covariance(b)
            for term, weight, value in zip(('invariance', 'variance', 'covariance'), self.weights, terms, strict=True):
                losses[f'loss_{name}_{term}'] = weight * value
        return losses
