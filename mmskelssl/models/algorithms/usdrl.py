"""USDRL (Weng et al., Unified Skeleton-Based Dense Representation Learning with Multi-Grained Feature Decorrelation,
AAAI 2025).

The equations are those of the official program: of the paper, only abstract and tables were read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import combinations

import torch
from torch import Tensor

from mmskelssl.models.algorithms.decorrelation import Decorrelation
from mmskelssl.models.losses import concentration, consistency, cross_correlation, variance_covariance
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError


@MODELS.register_module()
class USDRL(Decorrelation):
    """Four views agree at the levels of time, space and clip, and no level collapses; each stream by itself.

    A level is a neck on a pooling of the backbone.

    Args:
        level_weights: w of each level, by the name of its neck.
        invariance_weight: Of the views' agreement.
        variance_weight: Of the variance, beside a covariance of weight 1.
        correlation_weight: Of the cross-correlation.
        redundancy_weight: λ, of its entries off the diagonal.
        **kwargs: Of :class:`SelfSupervised`.

    Raises:
        ConfigError: If levels and necks have different names.
    """

    num_views = 4

    def __init__(
        self,
        *args,
        level_weights: Mapping[str, float],
        invariance_weight: float = 5.0,
        variance_weight: float = 5.0,
        correlation_weight: float = 1e-3,
        redundancy_weight: float = 5e-3,
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.level_weights = {f'{a}_{level}': weight for a in self.streams for level, weight in level_weights.items()}
        if set(self.level_weights) != set(self.widths):
            raise ConfigError(
                f'model.level_weights is of {[*self.level_weights]}, but the necks give {[*self.widths]}: give each '
                'neck a weight.'
            )
        self.invariance_weight = invariance_weight
        self.variance_weight = variance_weight
        self.correlation_weight = correlation_weight
        self.redundancy_weight = redundancy_weight

    def loss(self, inputs: Sequence[Tensor], data_samples: dict | None = None) -> dict[str, Tensor]:
        """Losses ``loss_{stream}_{level}_{term}`` of four views, each (N, M, T, V, C)."""
        views = self.embed_views(inputs)
        return {
            f'loss_{name}_{term}': weight * value
            for name, weight in self.level_weights.items()
            for term, value in self.compare([view[name] for view in views]).items()
        }

    def compare(self, views: Sequence[Tensor]) -> dict[str, Tensor]:
        """The terms of a level, of the embeddings (N, D) of its views; the last is what the others agree with."""
        *others, reference = views
        similarity = consistency(others, [reference] * len(others)) + concentration(others)
        spread = [variance_covariance(z, self.variance_weight) for z in views]
        correlation = [cross_correlation(a, b, self.redundancy_weight) for a, b in combinations(views, 2)]
        return dict(
            similarity=self.invariance_weight * similarity,
            variance_covariance=reduce(torch.add, spread),
            cross_correlation=self.correlation_weight * reduce(torch.add, correlation),
        )
