"""How closely momentum encoders follow, when that changes during training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mmskelssl.utils.errors import ConfigError

_CURVES = {'linear': lambda part: part, 'cosine': lambda part: (1 - math.cos(math.pi * part)) / 2}


@dataclass(frozen=True)
class MomentumSchedule:
    """α from ``start`` to ``end``.

    Args:
        start: Of the first update.
        end: From ``steps`` updates on.
        steps: Updates between them; None for all of the training.
        curve: ``linear`` (data2vec, Skeleton2vec) or ``cosine`` (BYOL, DINO).

    Raises:
        ConfigError: If a value is out of its range.
    """

    start: float
    end: float
    steps: int | None = None
    curve: str = 'linear'

    def __post_init__(self) -> None:
        if self.curve not in _CURVES:
            raise ConfigError(f"A schedule of momentum has curve='{self.curve}', which is not one of {[*_CURVES]}.")
        for name in ('start', 'end'):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f'A schedule of momentum has {name}={getattr(self, name)}, not within [0, 1].')
        if self.steps is not None and self.steps < 1:
            raise ConfigError(f'A schedule of momentum has steps={self.steps}: it takes one at least.')

    def at(self, step: int, total: int) -> float:
        """α of an update, counted from 0, of a training of ``total`` updates."""
        steps = self.steps or total
        return self.start + (self.end - self.start) * _CURVES[self.curve](min(step / max(steps, 1), 1))


def read_momentum(key: str, momentum: float | Mapping) -> float | MomentumSchedule:
    """A number, or the schedule that a config's ``key`` says.

    Raises:
        ConfigError: If the number is not within [0, 1], or the schedule has other fields.
    """
    if isinstance(momentum, Mapping):
        try:
            return MomentumSchedule(**momentum)
        except TypeError as error:
            fields = [*MomentumSchedule.__dataclass_fields__]
            raise ConfigError(f'model.{key}={dict(momentum)} is not a schedule: give {fields}. {error}') from error
    if not 0 <= momentum <= 1:
        raise ConfigError(f'model.{key}={momentum} is not within [0, 1].')
    return momentum
