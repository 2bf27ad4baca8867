"""UmURL (Sun et al., Unified Multi-modal Unsupervised Representation Learning, ACM MM 2023).

The equations are those of the official program: of the paper, only abstract and tables were read.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from mmskelssl.models.algorithms.decorrelation import Decorrelation
from mmskelssl.models.losses import concentration, consistency, variance_covariance
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError


@MODELS.register_module()
class UmURL(Decorrelation):
    """One encoder fuses all modalities; what it says of them agrees with what it says of each by itself.

    A view is encoded for each modality alone, and one more with all of them fused. A neck a modality decomposes the
    fused feature, and projects that modality's own.

    Args:
        invariance_weight: Of both consistencies.
        variance_weight: Of the variance, beside a covariance of weight 1.
        **kwargs: Of :class:`SelfSupervised`: one stream, whose backbone has ``modalities``, ``single`` and fuses, such
            as ``UnifiedSTTR``, and whose necks have the modalities' names.

    Raises:
        ConfigError: If there is another stream, the backbone does not fuse modalities, or a neck is missing.
    """

    num_views = 4  # of three modalities

    def __init__(self, *args, invariance_weight: float = 5.0, variance_weight: float = 5.0, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if len(self.streams) != 1 or set(self.modality.values()) != {'joint'}:
            raise ConfigError(
                f'UmURL fuses modalities in one encoder, but model.streams has {dict(self.modality)}: leave '
                "model.modalities out, set model.streams=dict(fused=dict(modality='joint')), and name what is fused in "
                'model.backbone.modalities.'
            )
        (self.stream,) = self.streams
        encoder: Any = self.encoder[self.stream]
        self.fused: tuple[str, ...] = getattr(encoder.backbone, 'modalities', ())
        if not self.fused:
            raise ConfigError(
                f'UmURL needs a backbone that fuses modalities, but {type(encoder.backbone).__name__} does not: take '
                'UnifiedSTTR.'
            )
        if set(encoder.widths) != set(self.fused):
            raise ConfigError(
                f'model.neck has {[*encoder.widths]}, but the backbone fuses {list(self.fused)}: give one neck for '
                'each, of the same name.'
            )
        self.num_views = len(self.fused) + 1
        self.invariance_weight = invariance_weight
        self.variance_weight = variance_weight

    def extract(self, view: Tensor) -> dict[str, Tensor]:
        """The fused feature (N, D) under the stream's name, and that of each modality by itself."""
        backbone = self.encoder[self.stream].backbone
        return super().extract(view) | {modality: backbone.single(view, modality) for modality in self.fused}

    def loss(self, inputs: Sequence[Tensor], data_samples: dict | None = None) -> dict[str, Tensor]:
        """Losses ``loss_intra``, ``loss_inter`` and ``loss_regularization`` of views (N, M, T, V, C): one for each
        modality, in their order, and the one that is fused.
        """
        *alone, together = inputs
        encoder: Any = self.encoder[self.stream]
        single = {
            modality: encoder.neck[modality](encoder.backbone.single(view, modality))
            for modality, view in zip(self.fused, alone, strict=True)
        }
        embeddings = self.gathered(single | self.embed(self.encoder, together))
        self.embeddings = {name: z.detach() for name, z in embeddings.items()}
        fused = [embeddings[f'{self.stream}_{modality}'] for modality in self.fused]
        return self.compare([embeddings[modality] for modality in self.fused], fused)

    def compare(self, single: Sequence[Tensor], fused: Sequence[Tensor]) -> dict[str, Tensor]:
        """The losses of embeddings (N, D) of each modality, by itself and decomposed from the fusion."""
        spread = [variance_covariance(z, self.variance_weight) for z in (*single, *fused)]
        return dict(
            loss_intra=self.invariance_weight * consistency(single, fused),
            loss_inter=self.invariance_weight * concentration(single),
            loss_regularization=reduce(torch.add, spread),
        )
