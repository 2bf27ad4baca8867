"""SkeletonCLR: MoCo v2 on one modality (the single-view baseline of CrosSCLR, Li et al., CVPR 2021)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mmskelssl.models.algorithms.momentum import MomentumContrast
from mmskelssl.models.losses import info_nce
from mmskelssl.registry import MODELS


@MODELS.register_module()
class SkeletonCLR(MomentumContrast):
    """InfoNCE of two views against past keys; with several streams, in each by itself."""

    def loss(self, inputs: Sequence[Tensor], data_samples: dict | None = None) -> dict[str, Tensor]:
        """Losses ``loss_{entity}`` of two views (query, key), each (N, M, T, V, C)."""
        entities = self.encode_pair(*inputs)
        return {f'loss_{a}': info_nce(e.positive, e.negatives, self.temperature) for a, e in entities.items()}
