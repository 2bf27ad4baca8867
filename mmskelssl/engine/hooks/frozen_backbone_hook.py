"""Linear evaluation leaves the encoder as it was, and says so."""

from __future__ import annotations

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from mmskelssl.models.distributed import unwrap_model
from mmskelssl.registry import HOOKS
from mmskelssl.utils.errors import ConfigError


@HOOKS.register_module()
class FrozenBackboneHook(Hook):
    """Checks at the end of training that ``model.backbone`` is unchanged, batch statistics included."""

    def __init__(self) -> None:
        self._before: dict[str, Tensor] = {}

    def before_train(self, runner: Runner) -> None:
        self._before = {key: value.cpu().clone() for key, value in self._state(runner).items()}

    def after_train(self, runner: Runner) -> None:
        """Raises a ConfigError that names what changed."""
        changed = [key for key, value in self._state(runner).items() if not torch.equal(value.cpu(), self._before[key])]
        if changed:
            raise ConfigError(
                f'The frozen backbone changed during training: {changed[:5]}. The result is not a linear evaluation; '
                'set model.frozen=True.'
            )
        runner.logger.info(f'Frozen backbone verified: {len(self._before)} tensors are bitwise unchanged.')

    @staticmethod
    def _state(runner: Runner) -> dict[str, Tensor]:
        return unwrap_model(runner.model).backbone.state_dict()
