"""What formats of arrays share: labels, names, layouts and classes that come from files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmskelssl.converters.messages import MAX_NUMBER, shown
from mmskelssl.converters.ntu.sets import NTU60, NTU120, parse_clip_name
from mmskelssl.datasets.layouts import LAYOUTS, SkeletonLayout, get_layout
from mmskelssl.utils.errors import ClipError, StoreError

MAX_CLASSES = 10_000


def read_layout(layout: str) -> SkeletonLayout:
    """A layout by its name, or from a JSON file with the fields of :class:`SkeletonLayout`.

    Raises:
        StoreError: If it is neither.
    """
    if layout in LAYOUTS:
        return LAYOUTS[layout]
    try:
        fields = json.loads(Path(layout).read_text(encoding='utf-8-sig'))
    except OSError as error:
        raise StoreError(
            f'{layout} is neither a layout ({", ".join(LAYOUTS)}) nor a readable JSON file of one.'
        ) from error
    except (ValueError, RecursionError) as error:
        raise StoreError(f'{layout} is not JSON: {error}.') from error
    if not isinstance(fields, dict):
        raise StoreError(f'{layout} is not a dict of the fields of a layout.')
    try:
        return get_layout(fields)
    except (ValueError, TypeError) as error:
        raise StoreError(f'{layout}: {error}') from error


def read_classes(path: str | os.PathLike) -> list[str]:
    """Names of classes, one per line, in the order of the labels.

    Raises:
        StoreError: If there is no such file, it has no names or one of them twice.
    """
    try:
        lines = Path(path).read_text(encoding='utf-8-sig').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f'{path}: cannot be read as names of classes, one per line. ({error})') from error
    names = [line.strip() for line in lines if line.strip()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names or twice:
        raise StoreError(f'{path} has {f"{twice} twice" if twice else "no names of classes"}: write one name per line.')
    return names


def map_npy(path: Path) -> np.ndarray:
    """Maps an array of numbers for reading.

    Raises:
        StoreError: If it is not a whole ``.npy`` file, or holds objects.
    """
    try:
        array = np.load(path, mmap_mode='r', allow_pickle=False)
    # The header is the work of a parser that may stumble over anything in a file that is none.
    except Exception as error:
        raise StoreError(f'{path} is not a whole .npy file of numbers: copy or make it again. ({error})') from error
    if not isinstance(array, np.ndarray):
        raise StoreError(f'{path} is an archive of arrays: save one array in a .npy file.')
    return array


def whole_number(value: Any) -> int:
    """An int, or a float without fraction, such as PKU-MMD's labels.

    Raises:
        ValueError: If the value is another.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not abs(value) < MAX_NUMBER or value != int(value):
        raise ValueError(f'{shown(value)} is not a whole number')
    return int(value)


class Classes:
    """The classes of a set that comes without a list of them.

    The given names; or, if all clips have names of NTU RGB+D whose action is the label of most, that set's actions; or
    numbers up to the largest label.

    Args:
        names: Names of the clips.
        labels: Their labels, 0-based.
        given: Names of the classes, or None.

    Attributes:
        names: Names of the classes.

    Raises:
        StoreError: If labels are too large to be labels.
    """

    def __init__(self, names: Sequence[str], labels: Sequence[int], given: Sequence[str] | None = None) -> None:
        self._ntu = _parsed_names(names)
        agreeing = [
            label == self._ntu[name]['action'] - 1
            for name, label in zip(names, labels, strict=True)
            if name in self._ntu
        ]
        self._is_ntu = not given and sum(agreeing) > len(names) / 2
        if given:
            self.names = list(given)
        elif self._is_ntu:
            is_large = max(self._ntu[name]['action'] for name in names) > NTU60.num_actions
            self.names = (NTU120 if is_large else NTU60).classes
        else:
            largest = max(labels, default=0)
            if largest >= MAX_CLASSES:
                raise StoreError(f'The largest label is {largest}, but a set has at most {MAX_CLASSES} classes: give '
                                 'their names by --classes to leave out what is outside of them.')  # fmt: skip
            self.names = [f'class {label}' for label in range(largest + 1)]

    def attributes(self, name: str, label: int) -> dict[str, int]:
        """What a clip's name tells: setup, camera, performer and replication where all names are NTU RGB+D's.

        Raises:
            ClipError: If the name says another label.
        """
        if not self._ntu:
            return {}
        numbers = dict(self._ntu[name])
        action = numbers.pop('action')
        if self._is_ntu and label != action - 1:
            raise ClipError(
                f'clip {name!r} has label {label}, but its name says action {action}, which is {action - 1}'
            )
        return numbers


def _parsed_names(names: Iterable[str]) -> dict[str, dict[str, int]]:
    """The numbers of names of NTU RGB+D; none if any name is of another form."""
    try:
        return {name: parse_clip_name(name) for name in names}
    except ClipError:
        return {}
