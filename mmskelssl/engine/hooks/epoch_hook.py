"""Methods with stages learn which epoch it is."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmskelssl.models.distributed import unwrap_model
from mmskelssl.registry import HOOKS


@HOOKS.register_module()
class EpochHook(Hook):
    """Sets ``model.epoch``, counted from 0, before each epoch; after resuming too."""

    def before_train_epoch(self, runner: Runner) -> None:
        unwrap_model(runner.model).epoch = runner.epoch
