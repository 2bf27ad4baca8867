"""Linear evaluation leaves the encoder as it was, and says so."""

from __future__ import annotations

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from mmskelssl.models.distributed import unwrap_model
from mmskelssl.registry import HOOKS


@HOOKS.register_module()
class FrozenBackboneHook(Hook):
    """Verifies at the end of training that the backbone of a ``frozen`` model is unchanged, batch statistics included.

    Other models are left alone.
    """

    def __init__(self) -> None:
        self._before: dict[str, Tensor] = {}

    def before_train(self, runner: Runner) -> None:
        self._before = {key: value.cpu().clone() for key, value in self._frozen(runner).items()}

    def after_train(self, runner: Runner) -> None:
        """Raises a RuntimeError that names what changed."""
        state = self._frozen(runner)
        changed = [key for key, value in self._before.items() if not torch.equal(value, state[key].cpu())]
        if changed:
            raise RuntimeError(
                f'The frozen backbone changed during training: {changed[:5]}, although model.frozen=True. The result '
                'is not a linear evaluation.'
            )
        if self._before:
            runner.logger.info(f'Frozen backbone verified: {len(self._before)} tensors are bitwise unchanged.')

    @staticmethod
    def _frozen(runner: Runner) -> dict[str, Tensor]:
        model = unwrap_model(runner.model)
        return model.backbone.state_dict() if getattr(model, 'frozen', False) else {}
