"""CMD: cross-modal mutual distillation (Mao et al., ECCV 2022)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations

from torch import Tensor

from mmskelssl.models.algorithms.momentum import Entity, MomentumContrast, check_positive, check_slots
from mmskelssl.models.losses import Directions, info_nce, mutual_contrast, mutual_distillation
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError, check_at_least


@MODELS.register_module()
class CMD(MomentumContrast):
    """Contrast in each modality, and each modality's neighbours distilled into the others.

    Args:
        num_neighbors: K, anchors of the distribution that is distilled.
        teacher_temperature: τ_t.
        student_temperature: τ_s.
        distill_weight: Weight of the sum over directions.
        directions: Pairs (teacher, student) of streams; all ordered pairs by default, none if empty.
        cross_epoch: Epochs of plain contrast before; 0 trains in one stage, as the paper does.
        exchange: ``distill``, or ``contrast`` for the mutual contrastive loss of the ablations (I²MD, table 11).
        **kwargs: Of :class:`MomentumContrast`.
    """

    def __init__(
        self,
        *args,
        modalities: Sequence[str] = ('joint', 'motion', 'bone'),
        num_neighbors: int = 8192,
        teacher_temperature: float = 0.05,
        student_temperature: float = 0.1,
        distill_weight: float = 1.0,
        directions: Sequence[tuple[str, str]] | None = None,
        cross_epoch: int = 0,
        exchange: str = 'distill',
        **kwargs,
    ) -> None:
        super().__init__(*args, modalities=modalities, **kwargs)
        self.directions = list(permutations(self.streams, 2) if directions is None else directions)
        for pair in self.directions:
            if len(set(pair) & set(self.streams)) != 2:
                raise ConfigError(f'directions: {pair} is not a (teacher, student) pair of {list(self.streams)}.')
        check_slots('num_neighbors', num_neighbors, self.bank)
        check_at_least(0, self, distill_weight=distill_weight, cross_epoch=cross_epoch)
        self.num_neighbors = num_neighbors
        self.teacher_temperature = check_positive('teacher_temperature', teacher_temperature)
        self.student_temperature = check_positive('student_temperature', student_temperature)
        self.distill_weight = distill_weight
        self.cross_epoch = cross_epoch
        self.exchange = check_exchange('exchange', exchange)

    def loss(self, inputs: Sequence[Tensor], data_samples: dict | None = None) -> dict[str, Tensor]:
        """Losses ``loss_{modality}`` and ``loss_cmd`` of two views (query, key), each (N, M, T, V, C)."""
        return self.objective(self.encode_pair(*inputs))

    def objective(self, entities: Mapping[str, Entity]) -> dict[str, Tensor]:
        losses = {f'loss_{a}': info_nce(e.positive, e.negatives, self.temperature) for a, e in entities.items()}
        if self.directions and self.epoch >= self.cross_epoch:
            losses['loss_cmd'] = self.distill_weight * self.teach(entities, self.directions, self.exchange)
        return losses

    def teach(self, entities: Mapping[str, Entity], directions: Directions, exchange: str) -> Tensor:
        """Knowledge exchange over (teacher, student) pairs, by distillation or by contrast."""
        if exchange == 'contrast':
            return mutual_contrast(entities, directions, self.temperature)
        return mutual_distillation(
            entities, directions, self.num_neighbors, self.teacher_temperature, self.student_temperature
        )


def check_exchange(key: str, exchange: str) -> str:
    """Raises a ConfigError if the config key names no way of exchange."""
    if exchange not in ('distill', 'contrast'):
        raise ConfigError(f"{key}='{exchange}' is neither 'distill' nor 'contrast'.")
    return exchange
