"""Stopping a run by a signal: its checkpoint, its exit status, and its launcher."""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmskelssl.models.distributed import any_rank
from mmskelssl.registry import HOOKS

# Where tools/misc/torchrun.py leaves its process id.
LAUNCHER = 'MMSKELSSL_LAUNCHER'

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Interrupted(Exception):
    """A run was told to stop, and has saved a checkpoint.

    Args:
        signal_number: The signal.
        iteration: Iterations done.
    """

    def __init__(self, signal_number: int, iteration: int) -> None:
        name = signal.Signals(signal_number).name
        super().__init__(f'Stopped by {name} after iteration {iteration}; --resume goes on from there.')
        self.status = stopped_status(signal_number)


def stopped_status(number: int) -> int:
    """Exit status after a signal: 130 after Ctrl-C, as usual; else 75 (try again), on which launchers requeue a run."""
    return 128 + number if number == signal.SIGINT else os.EX_TEMPFAIL


@HOOKS.register_module()
class InterruptionHook(Hook):
    """Ends training after SIGTERM or Ctrl-C with a checkpoint of the iteration that was under way.

    A signal to one process stops all of them after the same iteration. With gradient accumulation the update is
    finished first. In a run of one process, a second Ctrl-C ends it at once, without a checkpoint.
    """

    priority = 'LOWEST'  # after CheckpointHook and all other work of the iteration

    def __init__(self) -> None:
        self._received = 0
        self._handlers: dict[int, Any] = {}

    def before_train(self, runner: Runner) -> None:
        def note(number: int, frame: object) -> None:
            if number == signal.SIGINT and self._received and not runner.distributed:
                raise KeyboardInterrupt
            self._received = self._received or number
            runner.logger.warning(f'{signal.Signals(number).name}: stopping after this iteration.')

        self._handlers = {number: signal.signal(number, note) for number in _SIGNALS}

    def after_train(self, runner: Runner) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Saves a checkpoint and raises Interrupted if any process was told to stop."""
        if runner.optim_wrapper.should_update():
            self._stop_if_told(runner, runner.iter + 1)

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: list | None = None
    ) -> None:
        """The same, during validation between two epochs."""
        self._stop_if_told(runner, runner.iter)

    def after_gallery_iter(self, runner: Runner, **kwargs) -> None:
        """The same, while a gallery is encoded."""
        self._stop_if_told(runner, runner.iter)

    def _stop_if_told(self, runner: Runner, iteration: int) -> None:
        if self._handlers and any_rank(bool(self._received)):
            runner.call_hook('save_now', epoch=runner.epoch, iteration=iteration)
            raise Interrupted(self._received or signal.SIGTERM, iteration)


def die_with_launcher() -> None:
    """Makes this process end when its launcher ends, so that it does not write beside a resumed run (Linux only).

    Exits at once if the launcher is ``tools/misc/torchrun.py`` and has already ended.
    """
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG of prctl.h
    prctl = getattr(ctypes.CDLL(None), 'prctl', None)
    if prctl is not None:
        prctl(set_parent_death_signal, signal.SIGKILL)
    if os.environ.get(LAUNCHER, str(os.getppid())) != str(os.getppid()):
        raise SystemExit('The launcher has ended.')
