"""Momentum encoders move before the step."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmskelssl.models.distributed import unwrap_model
from mmskelssl.registry import HOOKS


@HOOKS.register_module()
class MomentumUpdateHook(Hook):
    """Calls ``model.momentum_update()`` before keys are made, as the official programs do.

    With gradient accumulation, once for each update of the parameters, before the first of its batches.
    """

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        # True here: the iteration before this one finished an update, or there was none.
        if runner.optim_wrapper.should_update():
            unwrap_model(runner.model).momentum_update()
