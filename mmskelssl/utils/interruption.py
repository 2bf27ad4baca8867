"""How a run ends that was told to stop."""

from __future__ import annotations

import ctypes
import os
import signal

# Of sysexits.h: a temporary failure, try again. Launchers requeue on it.
_TRY_AGAIN = 75
_LAUNCHER = 'MMSKELSSL_LAUNCHER'


def stopped_status(number: int) -> int:
    """Exit status of a run that a signal stopped and that can be resumed: 75, or 130 as of any program after Ctrl-C."""
    return 128 + number if number == signal.SIGINT else _TRY_AGAIN


def name_launcher() -> None:
    """Tells the processes that this one will start who started them."""
    os.environ[_LAUNCHER] = str(os.getpid())


def die_with_launcher() -> None:
    """Ends this process when the one that started it is gone, which under torchrun it would outlive (on Linux).

    At once if that is so by now and the launcher has called :func:`name_launcher`.
    """
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG of prctl.h
    prctl = getattr(ctypes.CDLL(None), 'prctl', None)
    if prctl is not None:
        prctl(set_parent_death_signal, signal.SIGKILL)
    if os.environ.get(_LAUNCHER, str(os.getppid())) != str(os.getppid()):
        raise SystemExit('The launcher is gone.')


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
