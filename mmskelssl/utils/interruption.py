"""How a run ends that was told to stop."""

from __future__ import annotations

import ctypes
import signal

# Of sysexits.h: a temporary failure, try again. Launchers requeue on it.
_TRY_AGAIN = 75


def stopped_status(number: int) -> int:
    """Exit status of a run that a signal stopped and that can be resumed: 75, or 130 as of any program after Ctrl-C."""
    return 128 + number if number == signal.SIGINT else _TRY_AGAIN


def die_with_launcher() -> None:
    """Ends this process when the one that started it is gone, which under torchrun it would outlive (on Linux)."""
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG of prctl.h
    prctl = getattr(ctypes.CDLL(None), 'prctl', None)
    if prctl is not None:
        prctl(set_parent_death_signal, signal.SIGKILL)


class Interrupted(Exception):
    """A run was told to stop and has written what resuming it takes.

    Args:
        signal_number: What told it.
        iteration: Iterations done.
    """

    def __init__(self, signal_number: int, iteration: int) -> None:
        name = signal.Signals(signal_number).name
        super().__init__(f'Stopped by {name} after iteration {iteration}; --resume goes on from there.')
        self.status = stopped_status(signal_number)
