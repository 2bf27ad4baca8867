"""One real iteration of training and one of validation, before a run is submitted."""

from __future__ import annotations

import copy
import math
import tempfile
from collections.abc import Iterator
from itertools import islice
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmskelssl.cli.config_check import check_config, missing_files, refuse
from mmskelssl.cli.config_warnings import config_warnings

_CLIPS = 4
# Values of a dry run, which replace those of the config where it has the key.
_REDUCED = {
    'train_dataloader.batch_size': _CLIPS,
    'val_dataloader.batch_size': _CLIPS,
    'val_cfg.gallery_dataloader.batch_size': _CLIPS,
    **{
        f'{loader}.{key}': value
        for loader in ('train_dataloader', 'val_dataloader', 'val_cfg.gallery_dataloader')
        for key, value in dict(num_workers=0, persistent_workers=False, prefetch_factor=None).items()
    },
    'val_evaluator.k': _CLIPS,
    'train_cfg.max_epochs': 1,
    'train_cfg.max_iters': 1,
    'train_cfg.val_interval': 1,
    'train_cfg.val_begin': 1,
    'auto_scale_lr.enable': False,
    'compile': False,
    'runner_type': 'Runner',
    'resume': False,
    'default_hooks.checkpoint': None,
    'visualizer.vis_backends': [dict(type='LocalVisBackend')],
    'log_level': 'WARNING',
}
# Changes of these are not reported: they make no difference to the user.
_SILENT = (
    *('num_workers', 'persistent_workers', 'prefetch_factor', 'val_interval', 'val_begin', 'enable', 'checkpoint'),
    *('vis_backends', 'log_level'),
)


class FirstBatch:
    """A loader that ends after one batch."""

    def __init__(self, loader: DataLoader) -> None:
        self.loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[dict]:
        return islice(self.loader, 1)


class DryRunner(Runner):
    """A runner whose loaders end after one batch, those of galleries too."""

    @staticmethod
    def build_dataloader(*args, **kwargs) -> FirstBatch:
        return FirstBatch(Runner.build_dataloader(*args, **kwargs))


def dry_run(cfg: Config, num_processes: int) -> None:
    """Checks a config, then trains and validates one small batch with it in a temporary work directory.

    Model, data, augmentations, hooks and evaluation are those of the config; what is reduced is printed. The sizes of
    the model, and with them the memory that it needs, are not reduced. A method with stages runs the first one.

    Args:
        cfg: The config.
        num_processes: Of the run that is checked; the dry run itself has one.

    Raises:
        ConfigError: If anything is wrong; the message lists all of it.
    """
    refuse(cfg, [*check_config(cfg), *config_warnings(cfg, num_processes), *missing_files(cfg)])
    small, changes = reduced(cfg)
    print('\n'.join(['In one process, with', *(f'  {change}' for change in changes)]))
    with tempfile.TemporaryDirectory() as folder:
        small.work_dir = folder
        runner = DryRunner.from_cfg(small)
        runner.train()
    loader = cfg.train_dataloader
    clips = len(runner.train_dataloader.dataset)
    total = loader.batch_size * num_processes
    size = sum(parameter.numel() for parameter in runner.model.parameters())
    numbers = {name.partition('/')[2]: buffer.current() for name, buffer in runner.message_hub.log_scalars.items()}
    print(', '.join(f'{name} {value:.4g}' for name, value in numbers.items() if 'time' not in name))
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
        if name in ('batch_size', 'k') and name in section:
            value = min(value, section[name])
        if name not in section or section[name] == value:
            continue
        if name not in _SILENT:
            changes.append(f'{key} = {value} instead of {section[name]}')
        section[name] = value
    return small, changes
