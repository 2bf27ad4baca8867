"""Runs that are told to stop leave a checkpoint."""

from __future__ import annotations

import signal

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmskelssl.engine.utils import any_rank
from mmskelssl.registry import HOOKS
from mmskelssl.utils.interruption import Interrupted

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@HOOKS.register_module()
class InterruptionHook(Hook):
    """Ends training after SIGTERM or Ctrl-C with a checkpoint of the iteration that was under way.

    A signal to one process ends all of them, after the same iteration. With gradient accumulation the update is
    finished first. In a run of one process, a second Ctrl-C ends it at once, with no checkpoint.
    """

    priority = 'LOWEST'  # after CheckpointHook, when everything of the iteration is done

    def __init__(self) -> None:
        self._received = 0
        self._handlers: dict[int, object] = {}

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
        """Raises Interrupted when all processes have got here with a checkpoint written."""
        if runner.optim_wrapper.should_update():
            self._stop_if_told(runner, runner.iter + 1)

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: list | None = None
    ) -> None:
        """The same, during validation between two epochs."""
        self._stop_if_told(runner, runner.iter)

    def after_gallery_iter(self, runner: Runner) -> None:
        """The same, during the first part of a validation by neighbours."""
        self._stop_if_told(runner, runner.iter)

    def _stop_if_told(self, runner: Runner, iteration: int) -> None:
        if self._handlers and any_rank(bool(self._received)):
            runner.call_hook('save_now', epoch=runner.epoch, iteration=iteration)
            raise Interrupted(self._received or signal.SIGTERM, iteration)
