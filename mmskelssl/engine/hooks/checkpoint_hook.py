"""Checkpoints that a run can rely on."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import mmengine.hooks
from mmengine.runner import Runner

from mmskelssl.registry import HOOKS


@HOOKS.register_module()
class CheckpointHook(mmengine.hooks.CheckpointHook):
    """MMEngine's hook, in whose place it is, losing no good checkpoint.

    Old checkpoints go when the new one is whole. One that cannot be written, say because the disk is full, is reported,
    and the run goes on with the old ones kept; if it was the run's last, the run fails. With gradient accumulation,
    checkpoints by iteration fall on iterations that end an update.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._error: OSError | None = None
        self._saved: dict | None = None

    def before_train(self, runner: Runner) -> None:
        # MMEngine makes what it then warns of itself.
        def is_news(record: logging.LogRecord) -> bool:
            return 'deprecated in future' not in record.getMessage()

        runner.logger.addFilter(is_news)
        super().before_train(runner)
        runner.logger.removeFilter(is_news)

    def after_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        if runner.optim_wrapper.should_update():
            super().after_train_iter(runner, *args, **kwargs)

    def after_train(self, runner: Runner) -> None:
        """Raises the OSError that kept the last checkpoint from being written."""
        if self._error:
            raise self._error
        super().after_train(runner)

    def save_now(self, runner: Runner, epoch: int, iteration: int) -> None:
        """Saves what so many epochs and iterations made, out of turn.

        Raises:
            OSError: If it cannot be written.
        """
        position = dict(epoch=epoch, iter=iteration)
        if self._saved != position:
            step = f'{epoch}_iter_{iteration}' if self.by_epoch else iteration
            self._save_checkpoint_with_step(runner, step, position)
        if self._error:
            raise self._error

    def _save_checkpoint_with_step(self, runner: Runner, step: int | str, meta: dict) -> None:
        position = {key: meta[key] for key in ('epoch', 'iter')}
        with self._keeping_old_ones(runner):
            super()._save_checkpoint_with_step(runner, step, meta)
            self._saved = position

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        with self._keeping_old_ones(runner):
            super()._save_best_checkpoint(runner, metrics)

    @contextmanager
    def _keeping_old_ones(self, runner: Runner) -> Iterator[None]:
        """Puts off what MMEngine removes until the new checkpoint is there, or for good if it cannot be written."""
        backend, info = self.file_backend, dict(runner.message_hub.runtime_info)
        kept, last = list(getattr(self, 'keep_ckpt_ids', [])), self.last_ckpt
        self.file_backend = late = _LateRemoval(backend)
        try:
            yield
        except OSError as error:
            self._error, self.last_ckpt = error, last
            self.keep_ckpt_ids = deque(kept, self.max_keep_ckpts if self.max_keep_ckpts > 0 else None)
            runner.message_hub.runtime_info.clear()
            runner.message_hub.runtime_info.update(info)
            runner.logger.error(
                f'A checkpoint could not be written ({error}). The last good one is {last or "none"}. Free some space: '
                'the next is tried when it is due.'
            )
        else:
            self._error = None
            late.remove_all()
        finally:
            self.file_backend = backend


class _LateRemoval:
    """A file backend that removes nothing until :meth:`remove_all`."""

    def __init__(self, backend) -> None:
        self._backend = backend
        self._removals: list[tuple[str, str]] = []

    def __getattr__(self, name: str):
        return getattr(self._backend, name)

    def remove(self, path: str) -> None:
        self._removals.append(('remove', path))

    def rmtree(self, path: str) -> None:
        self._removals.append(('rmtree', path))

    def remove_all(self) -> None:
        for method, path in self._removals:
            getattr(self._backend, method)(path)
