"""One real iteration of training and one of validation, before a run is submitted."""

from __future__ import annotations

import copy
import math
import tempfile
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from mmengine.config import Config
from mmengine.runner import BaseLoop
from torch.utils.data import DataLoader

from mmskelssl.cli.config_check import check_config, missing_files, refuse
from mmskelssl.cli.config_warnings import config_warnings
from mmskelssl.engine.runner import Runner

# Clips of a batch; the run may have fewer, and its last batch too.
_CLIPS = 4
# Values of a dry run, which replace those of the config where it has the key.
_REDUCED = {
    'train_cfg.max_epochs': 1,
    'train_cfg.max_iters': 1,
    'train_cfg.val_interval': 1,
    'train_cfg.val_begin': 1,
    'compile': False,
    'runner_type': 'Runner',
    'resume': False,
    'default_hooks.checkpoint.out_dir': None,
    'default_hooks.run_summary': None,
    'visualizer.vis_backends': [dict(type='LocalVisBackend')],
    'log_level': 'WARNING',
}
# Changes of these are not reported: they make no difference to the user.
_SILENT = ('val_interval', 'val_begin', 'out_dir', 'run_summary', 'vis_backends', 'log_level')


class SmallBatch:
    """A loader that ends after one batch of few clips; everything else is as in the loader that it stands for.

    The batch comes from one worker, if the loader has any.

    Args:
        loader: The loader.
        size: Clips of the batch, if the data set has them.
    """

    def __init__(self, loader: DataLoader, size: int) -> None:
        self.loader = loader
        self.size = size

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    def __len__(self) -> int:
        return min(1, len(self.loader))

    def __iter__(self) -> Iterator[dict]:
        requests = list(islice(chain.from_iterable(self.batch_sampler), self.size))
        options: dict[str, Any] = dict(collate_fn=self.loader.collate_fn, worker_init_fn=self.loader.worker_init_fn)
        if self.loader.num_workers:
            options |= dict(num_workers=1, multiprocessing_context=self.loader.multiprocessing_context)
        return iter(DataLoader(self.loader.dataset, batch_sampler=[requests] if requests else [], **options))


class DryRunner(Runner):
    """A runner whose loaders end after one small batch, those of galleries too."""

    def build_dataloader(self, dataloader: DataLoader | dict, *args, **kwargs) -> SmallBatch:
        loader = super().build_dataloader(dataloader, *args, **kwargs)
        is_training = not isinstance(self._train_loop, BaseLoop)  # it is built first
        return SmallBatch(loader, smallest_batch(loader) if is_training else max(_CLIPS, *_neighbours(self.cfg)))


def smallest_batch(loader: DataLoader) -> int:
    """Clips of the smallest batch of an epoch, if they are few: what fails for one clip fails in the last batch."""
    rest = 0
    if loader.batch_size and not loader.drop_last:
        rest = len(loader.sampler) % loader.batch_size  # type: ignore[arg-type]  # torch leaves lengths out
    return min(_CLIPS, loader.batch_size or _CLIPS, rest or _CLIPS)


def _neighbours(cfg: Config) -> list[int]:
    """Numbers of neighbours that the evaluators need."""
    metrics = cfg.get('val_evaluator') or []
    return [0, *(metric.get('k', 0) for metric in _listed(metrics))]


def dry_run(cfg: Config, num_processes: int) -> None:
    """Checks a config, then trains and validates one small batch with it in a temporary work directory.

    Model, data, augmentations, hooks and evaluation are those of the config, and sizes of batches, data and galleries
    are checked against each other as in the run; what is reduced is printed. The sizes of the model, and with them the
    memory that it needs, are not reduced. A method with stages runs the first one.

    Args:
        cfg: The config.
        num_processes: Of the run that is checked; the dry run itself has one.

    Raises:
        ConfigError: If anything is wrong; the message lists all of it.
    """
    refuse(cfg, [*check_config(cfg), *config_warnings(cfg, num_processes), *missing_files(cfg)])
    small, changes = reduced(cfg)
    small.setdefault('default_hooks', {})['setup_check'] = dict(type='SetupCheckHook', processes=num_processes)
    print('\n'.join(['In one process, with', *(f'  {change}' for change in changes)]))
    with tempfile.TemporaryDirectory() as folder:
        small.work_dir = folder
        small.experiment_name = folder  # MMEngine keeps visualizers by this name
        runner = DryRunner.from_cfg(small)
        runner.train()
    loader = cfg.train_dataloader
    clips = len(runner.train_dataloader.dataset)
    total = loader.batch_size * num_processes
    size = sum(parameter.numel() for parameter in runner.model.parameters())
    numbers = {name.partition('/')[2]: buffer.current() for name, buffer in runner.message_hub.log_scalars.items()}
    print(', '.join(f'{name} {value:.4g}' for name, value in numbers.items() if 'loss' in name))
    print(f'{size:,} parameters; {clips:,} clips, {math.ceil(clips / total):,} iterations per epoch of {total} clips')
    print(f'{cfg.filename} passes.')


def reduced(cfg: Config) -> tuple[Config, list[str]]:
    """The config of a dry run, and what was changed, one line per key."""
    small = copy.deepcopy(cfg)
    changes = []
    for key, value in _REDUCED.items():
        *parents, name = key.split('.')
        section = small
        for parent in parents:
            section = (section.get(parent) if hasattr(section, 'get') else None) or {}
        if name not in section or section[name] == value:
            continue
        if name not in _SILENT:
            changes.append(f'{key} = {value} instead of {section[name]}')
        section[name] = value
    if schedulers := small.get('param_scheduler'):
        # What begins later has no part in the first epoch, and MMEngine refuses it.
        small.param_scheduler = [step for step in _listed(schedulers) if step.get('begin', 0) < 1]
    return small, changes


def _listed(value: Any) -> list:
    return value if isinstance(value, list) else [value]
