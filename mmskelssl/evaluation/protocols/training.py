"""Training the classifier of a run, on one process or on several."""

from __future__ import annotations

import time
from collections.abc import Callable

from mmengine.config import Config
from mmengine.dist import get_world_size, is_distributed
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner

from mmskelssl.evaluation.processes import agreed
from mmskelssl.registry import RUNNERS
from mmskelssl.utils.checkpoints import newest_whole_checkpoint
from mmskelssl.utils.errors import ConfigError


def trained(cfg: Config, show: Callable[[int], None]) -> BaseModel:
    """Trains by a config in its ``work_dir``, from the newest checkpoint there, and gives the model.

    Args:
        cfg: With the total batch of all processes as ``train_dataloader.batch_size``.
        show: Is told how many epochs are done.

    Raises:
        ConfigError: If the processes cannot share the batch evenly.
    """
    cfg.load_from = agreed(newest_whole_checkpoint(cfg.work_dir))
    cfg.resume = cfg.load_from is not None
    # MMEngine keeps loggers and visualizers by this name; with the same name it would use those of the run before.
    cfg.experiment_name = f'{cfg.work_dir.replace("/", "-")}-{time.time_ns()}'
    cfg.default_hooks.checkpoint.max_keep_ckpts = 1
    cfg.log_level = 'WARNING'
    runner = RUNNERS.build(_shared(cfg) if is_distributed() else cfg)
    runner.register_hook(_ShowEpochs(show))
    runner.train()
    return runner.model


def _shared(cfg: Config) -> Config:
    """The config of one of several processes, which together train on the batch of one."""
    batch, processes = cfg.train_dataloader.batch_size, get_world_size()
    if batch % processes:
        raise ConfigError(
            f'A batch of {batch} cannot be shared evenly by {processes} processes: start a number that divides it.'
        )
    cfg.train_dataloader.batch_size = batch // processes
    cfg.launcher = 'pytorch'
    cfg.model_wrapper_cfg = dict(type='mmskelssl.BatchSplitDataParallel')
    return cfg


class _ShowEpochs(Hook):
    """Says how many epochs are done."""

    def __init__(self, show: Callable[[int], None]) -> None:
        self.show = show

    def before_train_epoch(self, runner: Runner) -> None:
        self.show(runner.epoch)
