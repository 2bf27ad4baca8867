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
# How the two numbers of a label become the first frame and the one after the last, counted from 0.
RANGES: dict[str, Callable[[int, int], tuple[int, int]]] = {
    'half-open': lambda start, end: (start, end),
    'inclusive': lambda start, end: (start - 1, end),
}
# First letters of the headings in a file of splits; the published ones say "Validataion".
_HEADINGS = {'train': 'Training', 'valid': 'Validation', 'test': 'Validation'}
_OF_HEADINGS = ('videos', 'video', 'recordings', 'samples', 'set')


class Label(NamedTuple):
    """One labelled range of a recording: 0-based class, first frame from 0, the frame after the last one."""

    label: int
    start: int
    stop: int
    confidence: float


def parse_recording(data: bytes, origin: str) -> np.ndarray:
    """The coordinates (2, T, 25, 3) of a recording in float32, NaN and infinite ones too.

    Raises:
        ClipError: If a line does not hold as many numbers as a frame has.
    """
    meaning = f'{NUM_BODIES} bodies of {NTU25.num_joints} joints'
    return parse_rows(data, origin, math.prod(_FRAME), meaning=meaning).reshape(-1, *_FRAME).transpose(1, 0, 2, 3)


def is_heading(line: str) -> bool:
    """Whether the four fields of a line are words, as in ``action,start,end,confidence``."""
    fields = [field.strip().replace('_', '') for field in line.split(',')]
    return len(fields) == 4 and all(map(str.isalpha, fields))


def parse_label(line: str, ranges: str) -> Label:
    """Reads a line ``action,start,end,confidence``; ``ranges`` is one of :data:`RANGES`.

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
    """Reads the names of training and validation recordings: those after each heading, in any number of lines.

    Raises:
        ClipError: If a heading or its names are missing, or names stand before the first heading.
    """
    names: dict[str, list[str]] = {}
    side = None
    for number, line in enumerate(text_lines(data, origin), 1):
        for word in line.replace(',', ' ').replace(':', ' ').split():
            heading = next((name for start, name in _HEADINGS.items() if word.lower().startswith(start)), None)
            side = heading or side
            if heading:
                names.setdefault(heading, [])
            elif side is None:
                raise ClipError(f'{origin}:{number}: {shown(word)} stands before the heading of its side')
            elif word.lower() not in _OF_HEADINGS:
                names[side].append(word)
    for side in ('Training', 'Validation'):
        if not names.get(side):
            raise ClipError(f"{origin}: there is no recording for '{side} videos'")
    return names['Training'], names['Validation']
