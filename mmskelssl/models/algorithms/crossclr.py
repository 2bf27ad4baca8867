"""CrosSCLR (Li et al., 3D Human Action Representation Learning via Cross-View Consistency Pursuit, CVPR 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor

from mmskelssl.models.algorithms.momentum import Entity, MomentumContrast, check_slots
from mmskelssl.models.losses import info_nce, positive_mining
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError, check_at_least


@MODELS.register_module()
class CrosSCLR(MomentumContrast):
    """SkeletonCLR in each modality first; then every modality learns from the neighbours that the others find.

    Args:
        cross_epoch: Epochs of the first stage (150 of 300 in the paper); 0 trains in one stage.
        topk: Neighbours mined as positives.
        context: Whether the contrastive context takes part.
        **kwargs: Of :class:`MomentumContrast`, with two modalities or three.
    """

    def __init__(self, *args, cross_epoch: int = 150, topk: int = 1, context: bool = True, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if len(self.streams) < 2:
            raise ConfigError(f'CrosSCLR learns across modalities, but model.modalities has only {self.streams[0]}.')
        check_slots('topk', topk, self.bank)
        check_at_least(0, self, cross_epoch=cross_epoch)
        self.cross_epoch = cross_epoch
        self.topk = topk
        self.context = context

    def loss(self, inputs: Sequence[Tensor], data_samples: dict | None = None) -> dict[str, Tensor]:
        """Losses ``loss_{modality}`` of two views (query, key), each (N, M, T, V, C)."""
        entities = self.encode_pair(*inputs)
        if self.epoch < self.cross_epoch:
            return {f'loss_{a}': info_nce(e.positive, e.negatives, self.temperature) for a, e in entities.items()}
        return {f'loss_{a}': self.mine_all(e, [entities[b] for b in entities if b != a]) for a, e in entities.items()}

    def mine_all(self, student: Entity, teachers: Sequence[Entity]) -> Tensor:
        """The mean over the other modalities of what one modality learns from them."""
        return reduce(torch.add, [self.mine(student, teacher) / len(teachers) for teacher in teachers])

    def mine(self, student: Entity, teacher: Entity) -> Tensor:
        """What one modality learns from the neighbours of another."""
        return positive_mining(
            student.positive, student.negatives, teacher.negatives, self.topk, self.temperature, self.context
        )
