"""Many decimal numbers out of a text at once, each exactly as :class:`float` reads it."""

from __future__ import annotations

import re

import numpy as np

# A token is looked at through a window of this many characters that ends with it. With one character less there are
# at most 15 digits: an integer that float64 holds exactly, and whose quotient by a power of ten is rounded once.
_WINDOW = 16
_POWERS = 10.0 ** np.arange(_WINDOW - 1, -1, -1)
_RECORD = np.dtype(f'V{_WINDOW}')
# Row n has 1 in the last n columns.
_LAST = np.tri(_WINDOW + 1, _WINDOW, -1, np.uint8)[:, ::-1].copy().view(_RECORD)[:, 0]
_NUMBER = re.compile(rb'[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?')


def parse_decimals(text: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Reads numbers by the position of their characters.

    Plain decimals of up to 15 characters, which is nearly all there are, take some operations on all of them together;
    others, such as those with an exponent, are read one by one.

    Args:
        text: (S,) uint8 characters. The first 16 should not be part of a number to be read: such numbers take longer.
        starts: (n,) position of each number's first character.
        ends: (n,) position after its last one.

    Returns:
        (n,) float64; NaN for what is not a decimal number.
    """
    is_negative = text[starts] == ord('-')
    lengths = ends - starts - is_negative
    fits = (lengths < _WINDOW) & (ends >= _WINDOW)
    windows = np.ndarray(len(text) - _WINDOW + 1, _RECORD, text, strides=(1,))[np.where(fits, ends - _WINDOW, 0)]
    inside = _LAST[np.where(fits, lengths, 0)].view(np.uint8)
    characters = windows.view(np.uint8)
    digits = characters - np.uint8(ord('0'))
    is_digit = (digits < 10) & inside
    is_dot = (characters == ord('.')) & inside
    number = (digits * is_digit).reshape(-1, _WINDOW).astype(np.float64) @ _POWERS
    # A dot weighs as much as the digits after it: 10 to their number, and 0 where there is none.
    behind = is_dot.reshape(-1, _WINDOW).astype(np.float64) @ _POWERS
    has_dot = behind != 0
    divisor = np.where(has_dot, behind, 1)
    # The dot stands for a digit 0 so far: 12.34 is 12034, and the part before it has to move by one place.
    whole = np.floor(number / (10 * divisor)) * has_dot
    values = (number - 9 * whole * divisor) / divisor

    is_plain = fits & (lengths - has_dot > 0)
    is_plain[np.flatnonzero((is_digit | is_dot) != inside) // _WINDOW] = False
    if np.count_nonzero(is_dot) != np.count_nonzero(has_dot):
        is_plain &= np.count_nonzero(is_dot.reshape(-1, _WINDOW), axis=1) < 2
    values = np.where(is_negative, -values, values)
    odd = np.flatnonzero(~is_plain)
    values[odd] = [parse_decimal(text[start:end].tobytes()) for start, end in zip(starts[odd], ends[odd], strict=True)]
    return values


def parse_decimal(token: bytes) -> float:
    """The same for one number."""
    return float(token) if _NUMBER.fullmatch(token) else np.nan
