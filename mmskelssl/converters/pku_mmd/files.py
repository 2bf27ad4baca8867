"""The text files of PKU-MMD: recordings, their labels, and splits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mmskelssl.converters.annotation import whole_number
from mmskelssl.converters.messages import shown
from mmskelssl.converters.text import finite_number, parse_rows, text_lines
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.utils.errors import ClipError

NUM_BODIES = 2
NUM_ACTIONS = 51
# The longest recordings take some 15 MiB.
MAX_BYTES = 128 << 20

_FRAME = (NUM_BODIES, NTU25.num_joints, 3)
_NUM_COLUMNS = math.prod(_FRAME)
# How the two numbers of a label become the first frame and the one after the last, counted from 0.
RANGES: dict[str, Callable[[int, int], tuple[int, int]]] = {
    'half-open': lambda start, end: (start, end),
    'inclusive': lambda start, end: (start - 1, end),
}


class Label(NamedTuple):
    """One labelled range of a recording.

    Args:
        label: 0-based class.
        start: First frame, counted from 0.
        stop: The frame after the last one.
        confidence: As given.
    """

    label: int
    start: int
    stop: int
    confidence: float


def parse_recording(data: bytes, origin: str) -> np.ndarray:
    """Reads the coordinates of a recording; NaN and infinite ones are passed on.

    Args:
        data: The file's bytes: one line per frame.
        origin: The file's name, for messages.

    Returns:
        (2, T, 25, 3) float32.

    Raises:
        ClipError: If a line does not hold as many numbers as a frame has.
    """
    meaning = f'{NUM_BODIES} bodies of {NTU25.num_joints} joints'
    rows = parse_rows(data, origin, _NUM_COLUMNS, meaning=meaning)
    return rows.reshape(-1, *_FRAME).transpose(1, 0, 2, 3)


def parse_label(line: str, ranges: str) -> Label:
    """Reads a line ``action,start,end,confidence``.

    Args:
        line: The line.
        ranges: What the two numbers mean: one of :data:`RANGES`.

    Raises:
        ClipError: If the line is not a label. The message leaves out the place.
    """
    fields = line.split(',')
    if len(fields) != 4:
        raise ClipError(f'{len(fields)} fields where a label has 4 (action, start, end, confidence): {shown(line)}')
    try:
        action, first, last = (whole_number(finite_number(field)) for field in fields[:3])
        confidence = finite_number(fields[3])
    except ValueError as error:
        raise ClipError(str(error)) from error
    if not 1 <= action <= NUM_ACTIONS:
        raise ClipError(f'action {action} is not in the range 1 to {NUM_ACTIONS}')
    start, stop = RANGES[ranges](first, last)
    if start < 0:
        raise ClipError(f'range {first} to {last} begins before the recording ({ranges} ranges)')
    if stop <= start:
        raise ClipError(f'range {first} to {last} is empty or reversed ({ranges} ranges)')
    return Label(action - 1, start, stop, confidence)


def parse_split(data: bytes, origin: str) -> tuple[list[str], list[str]]:
    """Reads the names of training and validation recordings from lines 2 and 4.

    Raises:
        ClipError: If there are no such lines.
    """
    lines = text_lines(data, origin)
    if len(lines) < 4:
        raise ClipError(
            f'{origin}:{len(lines)}: the file ends too early: names of training recordings belong in line 2, those for '
            'validation in line 4'
        )
    training, validation = (lines[number].replace(',', ' ').split() for number in (1, 3))
    return training, validation
