"""Progress bars with remaining time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress
from rich.progress import track as rich_track

T = TypeVar('T')


def track(items: Iterable[T], total: int, description: str) -> Iterable[T]:
    """Yields ``items``; a bar on standard error shows how many of ``total`` are done and the remaining time."""
    return rich_track(items, total=total, description=description, console=_console())


@contextmanager
def bar(total: int, description: str) -> Iterator[Callable[[int], None]]:
    """The same without an iterable: gives a function that takes how many of ``total`` are done."""
    with Progress(*Progress.get_default_columns(), console=_console()) as progress:
        task = progress.add_task(description, total=total)
        yield lambda done: progress.update(task, completed=done)


def _console() -> Console:
    """Standard error; in a notebook a widget, if there can be any: without ipywidgets rich would warn at every bar."""
    return Console(stderr=True, force_jupyter=None if find_spec('ipywidgets') else False)
