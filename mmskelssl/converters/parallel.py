"""Reads the sources of a raw data set in several processes at once."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from itertools import islice

from mmskelssl.converters.base import RawClip, Reader
from mmskelssl.utils.errors import ClipError

Outcomes = list[RawClip | ClipError]

# Sources that a process reads at a time; with fewer, handing them over takes a notable part of the time.
_CHUNK = 16
# Chunks that may wait for the writer, in addition to those being read; together they bound the memory.
_AHEAD = 2


@contextmanager
def reading(reader: Reader, workers: int = 1) -> Iterator[Iterator[Outcomes]]:
    """Gives the outcomes of each source, in order.

    Processes are forked when the block begins, so it has to begin before any thread does. They end with it, and also
    with the process that forked them, however it ends.

    Args:
        reader: The sources.
        workers: Number of processes; with 1 this process reads.

    Raises:
        BrokenProcessPool: From the iterator, if a process was killed.
    """
    if workers == 1:
        yield map(reader.outcomes, range(len(reader)))
        return
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context('fork'), _start_worker, (reader,))
    starts = iter(range(0, len(reader), _CHUNK))
    try:
        pending = deque(pool.submit(_read, start) for start in islice(starts, workers + _AHEAD))
        yield _in_order(pool, pending, starts)
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(
    pool: ProcessPoolExecutor, pending: deque[Future[list[Outcomes]]], starts: Iterator[int]
) -> Iterator[Outcomes]:
    while pending:
        chunk = pending.popleft().result()
        pending.extend(pool.submit(_read, start) for start in islice(starts, 1))
        yield from chunk


_reader: Reader


def _start_worker(reader: Reader) -> None:
    global _reader
    _reader = reader
    # Ctrl-C reaches all processes of a terminal; only the first one is to answer it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)


def _read(start: int) -> list[Outcomes]:
    return [_reader.outcomes(index) for index in range(start, min(start + _CHUNK, len(_reader)))]
