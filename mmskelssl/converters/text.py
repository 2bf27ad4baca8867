"""Text files of numbers: lines of coordinates, and what is wrong with them by its line."""

from __future__ import annotations

import math

import numpy as np

from mmskelssl.converters.messages import shown
from mmskelssl.utils.errors import ClipError


def text_lines(data: bytes, origin: str) -> list[str]:
    """The lines of a file, without trailing empty ones; line ends of Windows and a byte-order mark do not matter.

    Raises:
        ClipError: If the file is empty.
    """
    text = data.decode('utf-8-sig', errors='replace').rstrip()
    if not text:
        raise ClipError(f'{origin}: the file is empty')
    return text.splitlines()


def parse_rows(
    data: bytes, origin: str, num_columns: int, separator: str | None = None, meaning: str = ''
) -> np.ndarray:
    """Reads a table with one frame per line; NaN and infinite numbers are passed on.

    Args:
        data: The file's bytes.
        origin: The file's name, for messages.
        num_columns: Numbers of each line.
        separator: What stands between them; white space if None.
        meaning: What the numbers of a line are, for messages, such as ``2 bodies of 25 joints``.

    Returns:
        (T, num_columns) float32.

    Raises:
        ClipError: If a line does not hold as many numbers. The message names the line.
    """
    lines = text_lines(data, origin)
    try:
        rows = np.loadtxt(lines, np.float32, comments=None, delimiter=separator, ndmin=2)
    except ValueError:
        rows = np.empty((0, 0), np.float32)
    # Empty lines do not count as rows.
    if rows.shape != (len(lines), num_columns):
        raise ClipError(f'{origin}:{_first_fault(lines, num_columns, separator, meaning)}')
    return rows


def _first_fault(lines: list[str], num_columns: int, separator: str | None, meaning: str) -> str:
    for number, line in enumerate(lines, 1):
        fields = line.split(separator)
        if len(fields) != num_columns:
            explained = f' ({meaning})' if meaning else ''
            return f'{number}: {len(fields)} numbers where a frame has {num_columns}{explained}'
        for field in fields:
            if not _is_number(field.strip()):
                return f'{number}: {shown(field)} is not a number'
    return '1: not a recording'


def finite_number(field: str) -> float:
    """A number as text.

    Raises:
        ValueError: If it is not a finite number.
    """
    if not _is_number(field) or not math.isfinite(float(field)):
        raise ValueError(f'{shown(field)} is not a finite number')
    return float(field)


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return field.isascii() and '_' not in field
