"""The C library's memory."""

from __future__ import annotations

import ctypes
from functools import cache

# From malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


@cache
def keep_freed_memory() -> None:
    """Makes glibc keep freed tensors of up to 32 MiB for the next ones instead of giving them back to the system.

    Batches are made and freed all the time, and the system takes longer to hand out fresh pages than it takes to fill
    them. With other C libraries nothing is done.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_M_MMAP_THRESHOLD, 1 << 25)
    mallopt(_M_TRIM_THRESHOLD, 1 << 30)
