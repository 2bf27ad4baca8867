"""Checkpoints of runs: written whole or not at all, and never replaced by nothing."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mmengine.hooks
from mmengine.fileio import LocalBackend, register_backend
from mmengine.runner import Runner

from mmskelssl.registry import HOOKS
from mmskelssl.utils.errors import CheckpointError, ConfigError
from mmskelssl.utils.files import written_beside


class WholeFilesBackend(LocalBackend):
    """MMEngine's access to local files; a file that it writes appears whole or not at all."""

    def put(self, obj: bytes | memoryview, filepath: str | Path) -> None:
        """Writes a file."""
        with written_beside(filepath) as beside, open(beside, 'wb') as file:
            file.write(obj)
            file.flush()
            os.fsync(file.fileno())


register_backend('local', WholeFilesBackend, force=True, prefixes='')


@HOOKS.register_module()
class CheckpointHook(mmengine.hooks.CheckpointHook):
    """Replaces MMEngine's hook; it never loses a good checkpoint.

    Old checkpoints are removed after the new one is written. If one cannot be written, for example because the disk is
    full, the hook reports it, keeps the old ones, and the run goes on; if it was the last one of the run, the run
    fails. With gradient accumulation, checkpoints by iteration are written when an update is complete. However a run
    ends in order, its last weights are written. A run resumed from another folder leaves the files there alone.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._error: OSError | None = None
        # Iterations done at the last checkpoint, and at the last that could not be written.
        self._saved: int | None = None
        self._failed: int | None = None

    def before_train(self, runner: Runner) -> None:
        folder = Path(self.out_dir, Path(runner.work_dir).name) if self.out_dir else Path(runner.work_dir)
        info = runner.message_hub.runtime_info
        if 'last_ckpt' in info and Path(info['last_ckpt']).resolve().parent != folder.resolve():
            for key in [key for key in info if key == 'keep_ckpt_ids' or key.startswith('best_ckpt')]:
                del info[key]
        super().before_train(runner)

    def after_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        if runner.optim_wrapper.should_update():
            super().after_train_iter(runner, *args, **kwargs)

    def after_train(self, runner: Runner) -> None:
        """Saves the last weights, if that is not done.

        Raises:
            CheckpointError: If they could not be written.
        """
        if self.save_last and runner.iter not in (self._saved, self._failed):
            step = runner.epoch if self.by_epoch else runner.iter
            self._save_checkpoint_with_step(runner, step, dict(epoch=runner.epoch, iter=runner.iter))
        self._fail_if_unwritten()
        super().after_train(runner)

    def save_now(self, runner: Runner, epoch: int, iteration: int) -> None:
        """Saves a checkpoint at once.

        Args:
            runner: The runner.
            epoch: Epochs done.
            iteration: Iterations done.

        Raises:
            CheckpointError: If it cannot be written.
        """
        position = dict(epoch=epoch, iter=iteration)
        if self._saved != iteration:
            step = f'{epoch}_iter_{iteration}' if self.by_epoch else iteration
            self._save_checkpoint_with_step(runner, step, position)
        self._fail_if_unwritten()

    def _fail_if_unwritten(self) -> None:
        if self._error:
            raise CheckpointError(
                f'The last checkpoint could not be written ({self._error}): free some space and run again with '
                '--resume.'
            ) from self._error

    def _save_checkpoint_with_step(self, runner: Runner, step: int | str, meta: dict) -> None:
        with self._keeping_old_ones(runner):
            super()._save_checkpoint_with_step(runner, step, meta)
            self._saved = meta['iter']

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        for name in self.key_indicators if self.save_best else ():
            if name not in (*metrics, 'auto'):
                raise ConfigError(
                    f"default_hooks.checkpoint.save_best: '{name}' is not measured, but {', '.join(metrics)}."
                )
        with self._keeping_old_ones(runner):
            super()._save_best_checkpoint(runner, metrics)

    @contextmanager
    def _keeping_old_ones(self, runner: Runner) -> Iterator[None]:
        """MMEngine removes old checkpoints first; here that waits until the new one is written."""
        backend, info = self.file_backend, dict(runner.message_hub.runtime_info)
        kept, last = list(getattr(self, 'keep_ckpt_ids', [])), self.last_ckpt
        self.file_backend = late = _LateRemoval(backend)
        try:
            yield
        except OSError as error:
            self._error, self.last_ckpt, self._failed = error, last, runner.iter
            self.keep_ckpt_ids = deque(kept, self.max_keep_ckpts if self.max_keep_ckpts > 0 else None)
            runner.message_hub.runtime_info.clear()
            runner.message_hub.runtime_info.update(info)
            runner.logger.error(
                f'A checkpoint could not be written ({error}). The last good one is {last or "none"}. Free some space; '
                'the run goes on and tries again when the next one is due.'
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
