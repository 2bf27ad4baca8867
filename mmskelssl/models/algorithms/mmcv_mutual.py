"""MMCV (Xie et al., Multi-Mode Cross-View Mutual Learning for Enhanced Self-Supervised 3D Action Recognition, 2025).

The longer name keeps the method apart from OpenMMLab's library.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import permutations

import torch
from torch import Tensor

from mmskelssl.models.algorithms.momentum import Entity, MomentumContrast, check_positive, check_slots
from mmskelssl.models.losses import log_partition, multi_bank_info_nce, mutual_distillation
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError, check_at_least


@MODELS.register_module()
class MMCVMutual(MomentumContrast):
    """Two momentum encoders and banks a modality, contrasted and distilled within and across modalities.

    The second encoder's entity of a modality has the suffix ``_p``.

    Args:
        modalities: Two or three, or as many ``streams``.
        second_momentum: Of the second momentum encoder p.
        num_neighbors: K, anchors of the distribution that is distilled.
        teacher_temperature: τ_t.
        student_temperature: τ_s.
        contrast_weight: α, weight of the contrast.
        distill_weight: β, weight of the distillation.
        **kwargs: Of :class:`MomentumContrast`.
    """

    num_views = 3

    def __init__(
        self,
        *args,
        modalities: Sequence[str] = ('joint', 'motion', 'bone'),
        second_momentum: float = 0.995,
        num_neighbors: int = 8192,
        teacher_temperature: float = 0.05,
        student_temperature: float = 0.1,
        contrast_weight: float = 1.0,
        distill_weight: float = 0.25,
        **kwargs,
    ) -> None:
        super().__init__(*args, modalities=modalities, **kwargs)
        if len(self.streams) < 2:
            raise ConfigError(f'MMCV learns across modalities, but model.modalities has only {self.streams[0]}.')
        self.add_momentum_encoder('encoder_p', 'second_momentum', second_momentum)
        check_slots('num_neighbors', num_neighbors, self.bank)
        check_at_least(0, self, contrast_weight=contrast_weight, distill_weight=distill_weight)
        self.num_neighbors = num_neighbors
        self.teacher_temperature = check_positive('teacher_temperature', teacher_temperature)
        self.student_temperature = check_positive('student_temperature', student_temperature)
        self.contrast_weight = contrast_weight
        self.distill_weight = distill_weight
        across = list(permutations(self.streams, 2))
        within = [(a, f'{a}_p') for a in self.streams]
        self.across = across
        self.directions = [
            *within,
            *((p, k) for k, p in within),
            *across,
            *((f'{a}_p', f'{b}_p') for a, b in across),
        ]

    def entity_widths(self) -> dict[str, int]:
        return {name: width for a, width in self.widths.items() for name in (a, f'{a}_p')}

    def loss(self, inputs: Sequence[Tensor], data_samples: dict | None = None) -> dict[str, Tensor]:
        """Losses ``loss_contrast`` and ``loss_distill`` of three views (query, key, second key) (N, M, T, V, C)."""
        query_view, key_view, second_view = inputs
        query = self.encode(self.encoder, query_view)
        with torch.no_grad():
            second = {f'{a}_p': z for a, z in self.encode(self.encoder_p, second_view).items()}
            self.keys = self.encode(self.encoder_k, key_view) | second
        entities = self.entities(query | {f'{a}_p': z for a, z in query.items()})
        distill = mutual_distillation(
            entities, self.directions, self.num_neighbors, self.teacher_temperature, self.student_temperature
        )
        return dict(
            loss_contrast=self.contrast_weight * self.contrast(entities), loss_distill=self.distill_weight * distill
        )

    def contrast(self, entities: dict[str, Entity]) -> Tensor:
        """Mean over inter-model terms plus mean over inter-modal terms; the negatives of each come from two banks."""
        past = {name: log_partition(e.negatives, self.temperature) for name, e in entities.items()}

        def term(positive: str, other: str) -> Tensor:
            return multi_bank_info_nce(entities[positive].positive, [past[positive], past[other]], self.temperature)

        inter_model = [term(*pair) for a in self.streams for pair in ((a, f'{a}_p'), (f'{a}_p', a))]
        inter_modal = [term(a, b) for a, b in self.across]
        return reduce(torch.add, inter_model) / len(inter_model) + reduce(torch.add, inter_modal) / len(inter_modal)
