"""How long a classifier is trained, and with which learning rate."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

from mmengine.config import Config

# What a scheduler counts in epochs.
_IN_EPOCHS = ('milestones', 'step_size', 'T_max', 'begin', 'end')


def num_epochs(cfg: Config, num_clips: int, min_steps: int) -> int:
    """The epochs of a config, or as many as make ``min_steps`` steps on this number of clips."""
    steps = -(-num_clips // cfg.train_dataloader.batch_size)
    return max(cfg.train_cfg.max_epochs, -(-min_steps // steps))


def with_epochs(cfg: Config, epochs: int) -> Config:
    """A copy that trains for this number of epochs; everything that counts epochs is scaled with it."""
    cfg = copy.deepcopy(cfg)
    factor = epochs / cfg.train_cfg.max_epochs

    def one(number: int) -> int:
        # What takes an epoch or more never takes none: schedulers refuse that.
        return max(min(number, 1), round(number * factor))

    def scaled(value: int | Sequence[int]) -> int | list[int]:
        return one(value) if isinstance(value, int) else [one(number) for number in value]

    for scheduler in cfg.get('param_scheduler') or []:
        if scheduler.get('by_epoch', True):
            scheduler.update({key: scaled(scheduler[key]) for key in _IN_EPOCHS if key in scheduler})
    checkpoint = cfg.default_hooks.checkpoint
    checkpoint.interval = max(1, one(checkpoint.interval))
    cfg.train_cfg.max_epochs = cfg.train_cfg.val_interval = epochs
    return cfg


def with_learning_rate(cfg: Config, learning_rate: float) -> Config:
    """A copy with this learning rate."""
    cfg = copy.deepcopy(cfg)
    cfg.optim_wrapper.optimizer.lr = learning_rate
    return cfg


@dataclass(frozen=True)
class Trial:
    """A learning rate on the held-out clips of all runs.

    Args:
        learning_rate: The rate.
        accuracy: Top-1 in percent; of runs with equally many clips the mean.
        loss: Cross-entropy.
    """

    learning_rate: float
    accuracy: float
    loss: float


def best_learning_rate(trials: Sequence[Trial]) -> float:
    """That of the highest accuracy; of equal ones, that of the lowest loss."""
    return max(trials, key=lambda trial: (trial.accuracy, -trial.loss)).learning_rate
