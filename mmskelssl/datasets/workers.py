"""How loader workers react to signals."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading

from mmskelssl.registry import FUNCTIONS

_SECONDS_TO_NOTICE = 2


@FUNCTIONS.register_module()
def leave_signals_to_parent(worker_id: int, _scope_: str | None = None) -> None:
    """Worker init function: workers ignore Ctrl-C, and exit on SIGTERM from their parent or when it dies.

    A cluster sends SIGTERM to the workers too. If they died of it, the iteration that is to be finished would fail. A
    parent that died before the worker began is noticed as well, which torch alone does not: it takes the process that
    has adopted the worker for its parent.

    Args:
        worker_id: Of torch.
        _scope_: MMEngine's mark on the parts of a config that inherits from another package's.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Blocked, and not handled, since a handler does not learn who sent the signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    threading.Thread(target=_exit_with, args=[multiprocessing.parent_process()], daemon=True).start()


def _exit_with(parent: multiprocessing.process.BaseProcess) -> None:
    sender = None
    while sender != parent.pid and parent.is_alive():
        received = signal.sigtimedwait([signal.SIGTERM], _SECONDS_TO_NOTICE)
        sender = received and received.si_pid
    os._exit(0)
