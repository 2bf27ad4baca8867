"""Finds settings of a config that may not be meant: a run can start with them, and the user is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf
from typing import Any

from mmengine.config import Config

from mmskelssl.cli.config_check import Finding, as_tuples
from mmskelssl.utils.checkpoints import checkpoint_config, load_checkpoint_file
from mmskelssl.utils.errors import CheckpointError

# Sections that change what a run learns.
_LEARNT_BY = ('model', 'data_preprocessor', 'train_dataloader', 'optim_wrapper', 'param_scheduler')


def config_warnings(cfg: Config, num_processes: int = 1) -> list[Finding]:
    """Schedules longer than the run, and learning rates for another total batch.

    Args:
        cfg: The config.
        num_processes: Of the run.
    """
    return [*_check_schedule(cfg), *_check_total_batch(cfg, num_processes)]


def changed_settings(cfg: Config, checkpoint: str) -> list[str]:
    """Training settings that differ from those of a checkpoint, each as ``KEY = VALUE instead of VALUE``."""
    try:
        made_with = checkpoint_config(load_checkpoint_file(checkpoint, 'cpu', mmap=True), checkpoint)
    except CheckpointError:  # it carries no config, or it is damaged, which resuming reports
        return []
    before, now = (
        {key: value for part in _LEARNT_BY if part in one for key, value in _leaves(part, one[part])}
        for one in (made_with, cfg)
    )
    keys = [key for key in sorted(before | now) if before.get(key) != now.get(key)]
    return [f'{key} = {now.get(key)} instead of {before.get(key)}' for key in keys]


def _leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(f'{key}.{name}', item)
    else:
        yield key, as_tuples(value)


def _check_schedule(cfg: Config) -> Iterator[Finding]:
    train = cfg.get('train_cfg') or {}
    lengths = {True: train.get('max_epochs'), False: train.get('max_iters')}
    schedulers = cfg.get('param_scheduler') or []
    for number, scheduler in enumerate(schedulers if isinstance(schedulers, list) else [schedulers]):
        by_epoch = scheduler.get('by_epoch', True)
        length, unit = lengths[by_epoch], ('max_epochs' if by_epoch else 'max_iters')
        if length is None:
            continue
        key = f'param_scheduler.{number}'
        last = dict(end=length, T_max=length, begin=length - 1, milestones=length - 1)
        for name in last.keys() & scheduler.keys():
            value = max(scheduler[name], default=0) if name == 'milestones' else scheduler[name]
            if value is not None and last[name] < value < inf:
                yield Finding(f'{key}.{name}', f'{value} lies beyond the run: train_cfg.{unit}={length}.')
        period, span = scheduler.get('T_max'), min(scheduler.get('end', length), length) - scheduler.get('begin', 0)
        if period and period < span:
            yield Finding(f'{key}.T_max', f'{period} is less than the {span} of the run, so that the rate rises again; '
                          'without T_max it is the length of the run.')  # fmt: skip


def _check_total_batch(cfg: Config, num_processes: int) -> Iterator[Finding]:
    batch = (cfg.get('train_dataloader') or {}).get('batch_size')
    if not isinstance(batch, int):
        return
    wrapper = cfg.get('optim_wrapper') or {}
    accumulated = wrapper.get('accumulative_counts', 1)
    total = batch * num_processes * accumulated
    factors = f'{batch} x {num_processes} processes x {accumulated} accumulated'
    scale = cfg.get('auto_scale_lr') or {}
    base, lr = scale.get('base_batch_size'), wrapper.get('optimizer', {}).get('lr')
    if not base or not lr:
        return
    if scale.get('enable') and accumulated > 1:
        yield Finding('auto_scale_lr', f'--auto-scale-lr does not count accumulated batches: the rate would be '
                      f'{lr * batch * num_processes / base:g} where {lr * total / base:g} fits a total batch of '
                      f'{total} ({factors}). Set optim_wrapper.optimizer.lr to that instead.')  # fmt: skip
    elif not scale.get('enable') and total != base:
        by_tool = 'pass --auto-scale-lr, or ' if accumulated == 1 else ''
        yield Finding('optim_wrapper.optimizer.lr', f'{lr} is for a total batch of {base}, and this run has {total} '
                      f'({factors}): {by_tool}set lr={lr * total / base:g} and '
                      f'auto_scale_lr.base_batch_size={total}.')  # fmt: skip
