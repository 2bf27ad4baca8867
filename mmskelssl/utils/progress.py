"""Progress bars with remaining time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress
from rich.progress import track as rich_track

T = TypeVar('T')


def track(items: Iterable[T], total: int, description: str) -> Iterable[T]:
    """Yields ``items``; a bar on standard error shows how many of ``total`` are done and the remaining time."""
    return rich_track(items, total=total, description=description, console=Console(stderr=True))


@contextmanager
def bar(total: int, description: str) -> Iterator[Callable[[int], None]]:
    """The same without an iterable: gives a function that takes how many of ``total`` are done."""
    with Progress(*Progress.get_default_columns(), console=Console(stderr=True)) as progress:
        task = progress.add_task(description, total=total)
        yield lambda done: progress.update(task, completed=done)
