"""Runners whose configs cannot lose what makes a run right."""

from __future__ import annotations

import logging
from typing import TypeVar

import mmengine.runner
from mmengine.config import Config
from mmengine.dist import get_world_size
from mmengine.hooks import DistSamplerSeedHook, Hook
from mmengine.runner import BaseLoop
from torch.utils.data import DataLoader

from mmskelssl.engine.console import quieten
from mmskelssl.engine.hooks import (
    FiniteCheckHook,
    FrozenBackboneHook,
    MomentumUpdateHook,
    QueueEnqueueHook,
    RunSummaryHook,
    SetupCheckHook,
)
from mmskelssl.engine.hooks.setup_check_hook import check_length
from mmskelssl.engine.interruption import InterruptionHook
from mmskelssl.registry import RUNNERS
from mmskelssl.utils.checkpoints import load_checkpoint_file
from mmskelssl.utils.config import without_scope
from mmskelssl.utils.errors import ConfigError

# Without these a run ends well and is wrong.
_NEEDED = dict(
    sampler_seed=DistSamplerSeedHook,
    setup_check=SetupCheckHook,
    momentum_update=MomentumUpdateHook,
    queue_enqueue=QueueEnqueueHook,
    frozen_backbone=FrozenBackboneHook,
)
# Without these it can be right; who writes None does not want them.
_USUAL = dict(finite_check=FiniteCheckHook, interruption=InterruptionHook, run_summary=RunSummaryHook)

# Hooks that MMEngine adds by itself, and leaves out where a config says None.
_OF_MMENGINE = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')


_Run = TypeVar('_Run', bound='RightRun')


class RightRun:
    """Mixed into MMEngine's runners: what a config replaced or left out is there all the same."""

    @classmethod
    def from_cfg(cls: type[_Run], cfg: Config) -> _Run:
        """Builds a runner; a resumed run goes on with the checkpoint's seed, from its samplers to its model."""
        cfg = without_scope(cfg if isinstance(cfg, Config) else Config(cfg))
        if not (cfg.get('resume') and cfg.get('load_from')):
            return super().from_cfg(cfg)
        given = cfg.get('randomness', {}).get('seed')
        seed = load_checkpoint_file(cfg['load_from'], 'cpu', mmap=True).get('meta', {}).get('seed', given)
        cfg['randomness'] = dict(cfg.get('randomness', {}), seed=seed)
        runner = super().from_cfg(cfg)
        if given not in (seed, None):
            runner.logger.warning(f'randomness.seed={given} is ignored: the resumed run goes on with its seed, {seed}.')
        return runner

    def register_hooks(
        self, default_hooks: dict[str, Hook | dict | None] | None = None, custom_hooks: list[Hook | dict] | None = None
    ) -> None:
        """Registers hooks, and those that a run needs where they are missing.

        Raises:
            ConfigError: If the config turns off what a run needs, or has it twice.
        """
        asked = dict(default_hooks or {})
        for name, kind in _NEEDED.items():
            if name in asked and asked[name] is None:
                raise ConfigError(f'default_hooks.{name}=None: a run is wrong without {kind.__name__}; remove this.')
        kept = {name: hook for name, hook in asked.items() if hook is not None or name in _OF_MMENGINE}
        super().register_hooks(kept, custom_hooks)
        for name, kind in (_NEEDED | _USUAL).items():
            number = sum(isinstance(hook, kind) for hook in self.hooks)
            if number > 1:
                raise ConfigError(
                    f'{kind.__name__} is there {number} times: every run has it, remove it from custom_hooks.'
                )
            if not number and asked.get(name, kind) is not None:
                self.register_hook(kind())

    def build_train_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Builds the loop, and refuses an epoch without a batch before schedules are made for it."""
        loop = super().build_train_loop(loop)
        check_length(loop.dataloader, get_world_size())
        return loop

    @classmethod
    def build_dataloader(cls, dataloader: DataLoader | dict, *args, **kwargs) -> DataLoader:
        """Builds a loader; a missing sampler is torch's."""
        if isinstance(dataloader, dict):
            dataloader = {'sampler': None, **dataloader}
        return super().build_dataloader(dataloader, *args, **kwargs)


@RUNNERS.register_module()
class Runner(RightRun, mmengine.runner.Runner):
    """MMEngine's runner, with what every run needs."""

    def build_logger(self, *args, **kwargs) -> logging.Logger:
        return quieten(super().build_logger(*args, **kwargs))


@RUNNERS.register_module()
class FlexibleRunner(RightRun, mmengine.runner.FlexibleRunner):
    """The same of MMEngine's runner with strategies."""
