"""S-JEPA: the teacher's last layer is a distribution to be predicted (Abdelfattah & Alahi, ECCV 2024)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mmskelssl.models.algorithms.momentum import check_positive
from mmskelssl.models.algorithms.skeleton2vec import Skeleton2vec
from mmskelssl.models.losses import distribution_error, sharpened
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError


@MODELS.register_module()
class SJEPA(Skeleton2vec):
    """Tokens of both sides are softmaxed over their width; the teacher's are centred by a running mean and sharpened.

    No program is published, and the paper's temperatures and decays are not known here: they are DINO's.

    Args:
        student_temperature: τ of the predictions.
        teacher_temperature: τ of the targets, the smaller one.
        center_momentum: Of the running mean of the teacher's tokens, which is taken over all processes.
        **kwargs: Of :class:`Skeleton2vec`, without ``num_target_layers``.

    Raises:
        ConfigError: If a value is out of its range.
    """

    def __init__(
        self,
        *args,
        student_temperature: float = 0.1,
        teacher_temperature: float = 0.04,
        center_momentum: float = 0.9,
        tube_length: int = 1,
        **kwargs,
    ) -> None:
        super().__init__(*args, num_target_layers=None, tube_length=tube_length, **kwargs)
        self.student_temperature = check_positive('student_temperature', student_temperature)
        self.teacher_temperature = check_positive('teacher_temperature', teacher_temperature)
        if not 0 <= center_momentum < 1:
            raise ConfigError(f'model.center_momentum={center_momentum} is not within [0, 1).')
        self.center_momentum = center_momentum
        for name in self.streams:
            self.register_buffer(f'center_{name}', torch.zeros(self.target_channels(name)))
        self.means: dict[str, Tensor] = {}

    @torch.no_grad()
    def targets(self, name: str, persons: Tensor) -> Tensor:
        """Probabilities (P, S * V, width) of whole persons (P, T, V, C); leaves the teacher's means for the centre."""
        teacher = self.encoder_k[name].backbone
        tokens = teacher.encode(teacher.embed(persons))
        self.means[name] = tokens.mean(1)
        return sharpened(tokens, getattr(self, f'center_{name}'), self.teacher_temperature)

    def error(self, name: str, predicted: Tensor, persons: Tensor) -> Tensor:
        return distribution_error(predicted, self.targets(name, persons), self.student_temperature)

    def to_enqueue(self) -> dict[str, Tensor]:
        return self.means

    def after_update(self, batches: Sequence[Mapping[str, Tensor]]) -> None:
        """Moves the centres towards the means over all persons of the update."""
        for name in self.streams:
            center = getattr(self, f'center_{name}')
            mean = torch.cat([batch[name] for batch in batches]).mean(0).to(center.dtype)
            center.lerp_(mean, 1 - self.center_momentum)
