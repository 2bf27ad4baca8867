"""Loader workers."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading

from mmskelssl.registry import FUNCTIONS

_SECONDS_TO_NOTICE = 2


@FUNCTIONS.register_module()
def outlive_interruption(worker_id: int) -> None:
    """Worker init function: leaves it to the worker's process what to do about Ctrl-C and SIGTERM.

    A cluster's SIGTERM reaches workers as well, and their death would end the iteration that is to be finished. One
    that comes from their process ends them, and so does its death, also before they could know it: torch takes the
    process that has adopted a worker by then for its own.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A handler would not learn who sent it.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    threading.Thread(target=_obey, args=[multiprocessing.parent_process()], daemon=True).start()


def _obey(parent: multiprocessing.process.BaseProcess) -> None:
    sender = None
    while sender != parent.pid and parent.is_alive():
        received = signal.sigtimedwait([signal.SIGTERM], _SECONDS_TO_NOTICE)
        sender = received and received.si_pid
    os._exit(0)
