"""Values and names as messages show them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

# Whole numbers below are exact as floats, too.
MAX_NUMBER = 1 << 53
_LONGEST = 40


def shown(value: Any) -> str:
    """A value of a file as it can be printed: its beginning if it is text or a number, and else its type."""
    if isinstance(value, str):
        return repr(value[:_LONGEST]) + ('...' if len(value) > _LONGEST else '')
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < MAX_NUMBER):
        return repr(value)
    return f'a value of type {type(value).__name__}'


def some(items: Sequence) -> str:
    """The first few of many."""
    more = f' and {len(items) - 3} more' if len(items) > 3 else ''
    return f'{", ".join(map(shown, items[:3]))}{more}'


def clips_named(names: Collection[str]) -> str:
    """Such as ``2 clips ('a', 'b')``."""
    return f'{len(names)} clip{"s" * (len(names) != 1)} ({some(list(map(str, names)))})'
