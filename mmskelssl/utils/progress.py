"""Progress with remaining time for everything long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track as rich_track

T = TypeVar('T')


def track(items: Iterable[T], total: int, description: str) -> Iterator[T]:
    """Yields ``items`` while a bar on standard error shows how many of ``total`` are done and when the rest will be."""
    return rich_track(items, total=total, description=description, console=Console(stderr=True))
