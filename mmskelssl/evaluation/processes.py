"""What the processes of an evaluation decide and write together. Every process has to call these functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mmengine.dist import barrier, broadcast_object_list, is_main_process

T = TypeVar('T')


def agreed(value: T) -> T:
    """What the main process says."""
    values = [value]
    broadcast_object_list(values)
    return values[0]


def written_once(write: Callable[[], None]) -> None:
    """The main process writes; the others wait until it has."""
    if is_main_process():
        write()
    barrier()
