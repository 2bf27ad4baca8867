"""The family of self-distillation: prototypes scored as a slow teacher does (DINO, Caron et al., ICCV 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from mmskelssl.models.algorithms.momentum import MomentumEncoders, check_positive
from mmskelssl.models.prototype_targets import PrototypeTargets
from mmskelssl.utils.errors import ConfigError


class SelfDistillation(MomentumEncoders):
    """Base of the methods that have a student score prototypes as its teacher does, ``self.encoder_k``.

    Targets are the teacher's scores, sharpened, in a way that uses all prototypes alike.

    Args:
        backbone: Of :class:`MomentumEncoders`.
        neck: Configs of the prototypes, by the names in ``heads``.
        teacher_temperature: τ_t.
        warmup_temperature: τ_t at first; it rises for ``warmup_epochs``.
        warmup_epochs: See above.
        student_temperature: τ_s.
        assignment: Of :class:`~mmskelssl.models.prototype_targets.PrototypeTargets`.
        **kwargs: Of :class:`MomentumEncoders`.

    Attributes:
        heads: What the prototypes of a stream are of; a method says it.

    Raises:
        ConfigError: If the necks are others, or a value is out of its range.
    """

    heads: tuple[str, ...]
    follows_in_eval = True

    def __init__(
        self,
        backbone: dict | None = None,
        neck: dict | None = None,
        *,
        teacher_temperature: float = 0.07,
        warmup_temperature: float = 0.04,
        warmup_epochs: int = 30,
        student_temperature: float = 0.1,
        assignment: str = 'sinkhorn',
        **kwargs,
    ) -> None:
        super().__init__(backbone, neck or {name: dict(type='PrototypeNeck') for name in self.heads}, **kwargs)
        for name in self.streams:
            necks = self.encoder[name].neck
            if not isinstance(necks, nn.ModuleDict) or set(necks) != set(self.heads):
                raise ConfigError(
                    f'model.neck names others than {list(self.heads)}: {type(self).__name__} has prototypes of these.'
                )
        self.final_temperature = check_positive('teacher_temperature', teacher_temperature)
        self.warmup_temperature = check_positive('warmup_temperature', warmup_temperature)
        self.warmup_epochs = warmup_epochs
        self.student_temperature = check_positive('student_temperature', student_temperature)
        self.to_targets = nn.ModuleDict(
            {which: PrototypeTargets(width, assignment) for which, width in self.widths.items()}
        )

    @property
    def teacher_temperature(self) -> float:
        """τ_t of the epoch."""
        part = min(self.epoch / self.warmup_epochs, 1.0) if self.warmup_epochs else 1.0
        return self.warmup_temperature + part * (self.final_temperature - self.warmup_temperature)

    def scores(self, name: str, head: str, tokens: Tensor) -> Tensor:
        """The student's scores (..., K) of prototypes for tokens (..., width) of a stream."""
        return self.encoder[name].get_submodule(f'neck.{head}')(tokens)

    @torch.no_grad()
    def target(self, name: str, head: str, tokens: Tensor) -> Tensor:
        """Probabilities (N, K) of what the teacher makes of its tokens (N, width) of a stream."""
        scores = self.encoder_k[name].get_submodule(f'neck.{head}')(tokens)
        return self.to_targets[f'{name}_{head}'](scores, self.teacher_temperature)

    def to_enqueue(self) -> dict[str, Tensor]:
        return {which: cast(PrototypeTargets, targets).mean for which, targets in self.to_targets.items()}

    def after_update(self, batches: Sequence[Mapping[str, Tensor]]) -> None:
        """Moves the centres of targets, where there are any."""
        for which, targets in self.to_targets.items():
            cast(PrototypeTargets, targets).move(torch.cat([batch[which] for batch in batches]))
