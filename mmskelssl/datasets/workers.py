"""Loader workers."""

from __future__ import annotations

import os
import signal
import threading

from mmskelssl.registry import FUNCTIONS


@FUNCTIONS.register_module()
def outlive_interruption(worker_id: int) -> None:
    """Worker init function: leaves it to the worker's process what to do about Ctrl-C and SIGTERM.

    A cluster's SIGTERM reaches workers as well, and their death would end the iteration that is to be finished. One
    that comes from their process ends them.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A handler would not learn who sent it.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    threading.Thread(target=_obey_parent, daemon=True).start()


def _obey_parent() -> None:
    while signal.sigwaitinfo([signal.SIGTERM]).si_pid != os.getppid():
        pass
    os._exit(0)
