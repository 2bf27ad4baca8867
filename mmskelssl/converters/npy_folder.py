"""Your own data: a folder with one array per clip, and a table ``clips.csv`` that says what they are."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence, Set
from pathlib import Path, PurePath

import numpy as np

from mmskelssl.converters.annotation import MAX_CLASSES, map_npy
from mmskelssl.converters.base import RawClip, Reader
from mmskelssl.converters.messages import shown, some
from mmskelssl.converters.raw_files import PassedOver, find_files
from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.utils.errors import ClipError, StoreError

TABLE = 'clips.csv'
_SPLIT = 'split'


class NpyFolderReader(Reader):
    """Reads the clips that a table lists.

    Its columns are ``file``, an array (M, T, V, C) or (T, V, C) below the folder; ``label``, a class; and if wanted
    ``name`` (by default the file's without ``.npy``) and ``split``: ``train`` puts a clip into the split of that name,
    an empty field into none. Several splits have a column each: ``train`` and ``test`` in the column ``split_xsub``
    make ``xsub_train`` and ``xsub_test``. Every other column is an attribute. Labels are names of classes, or
    numbers from 0.

    Args:
        path: The folder.
        layout: What the joints mean.
        classes: Names of the classes; by default those in the table in alphabetical order, or numbers if all of them
            are.

    Raises:
        StoreError: If there is no such table, or it lacks columns or rows.
    """

    def __init__(self, path: str | os.PathLike, layout: SkeletonLayout, classes: Sequence[str] | None = None) -> None:
        self.path = Path(path)
        self.layout = layout
        columns, self._rows = _read_table(self.path / TABLE)
        self._splits = [column for column in columns if column == _SPLIT or column.startswith(f'{_SPLIT}_')]
        self._attributes = [column for column in columns if column not in ('file', 'label', 'name')]
        self._numeric = {
            column
            for column in self._attributes
            if column not in self._splits and all(_is_whole(row[column]) for _, row, _ in self._rows)
        }
        self.classes = list(classes) if classes else _classes([row['label'] for _, row, _ in self._rows])
        self.source = dict(dataset=self.path.name, format='folder of .npy', path=str(self.path))
        self.passed_over = _unlisted(self.path, {row['file'] for _, row, _ in self._rows})

    def __len__(self) -> int:
        return len(self._rows)

    def read(self, index: int) -> list[RawClip]:
        line, row, num_fields = self._rows[index]
        origin = f'{self.path / TABLE}:{line}'
        try:
            if num_fields != len(row):
                raise ClipError(f'{num_fields} fields, but the head names {len(row)}')
            attributes = {name: int(row[name]) if name in self._numeric else row[name] for name in self._attributes}
            name = row.get('name') or row['file'].removesuffix('.npy')
            return [RawClip(name, self._label(row['label']), self._clip(row['file']), attributes, origin)]
        except ClipError as error:
            raise ClipError(f'{origin}: {error}') from error

    def _label(self, text: str) -> int:
        if text in self.classes:
            return self.classes.index(text)
        if _is_whole(text):
            return int(text)
        raise ClipError(f'label {shown(text)} is not one of the {len(self.classes)} classes ({some(self.classes)})')

    def _clip(self, name: str) -> np.ndarray:
        file = self.path / name
        if os.path.isabs(name) or '..' in PurePath(name).parts:
            raise ClipError(f'the path {shown(name)} leaves the folder')
        if not os.path.isfile(file):
            raise ClipError(f'there is no file {shown(name)}')
        try:
            array = map_npy(file)
        except StoreError as error:
            raise ClipError(str(error)) from error
        if array.ndim not in (3, 4) or array.dtype.kind not in 'fiu':
            raise ClipError(f'{name} is {array.dtype}{array.shape}, not an array of numbers (M, T, V, C) or '
                            '(T, V, C)')  # fmt: skip
        return np.array(array, np.float32, ndmin=4)

    def splits(self, clips: Sequence[RawClip]) -> dict[str, list[int]]:
        splits: dict[str, list[int]] = {}
        for column in self._splits:
            prefix = column.removeprefix(_SPLIT).removeprefix('_')
            for i, clip in enumerate(clips):
                if side := clip.attributes[column]:
                    splits.setdefault(f'{prefix}_{side}' if prefix else side, []).append(i)
        return splits


def _read_table(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str], int]]]:
    """Names of the columns; of every row the number of its line, its fields, empty where it lacks one, and how many."""
    try:
        with open(path, encoding='utf-8-sig', newline='') as file:
            reader = csv.reader(file, strict=True)
            columns = [field.strip() for field in next(reader, [])]
            lines = ((reader.line_num, [field.strip() for field in fields]) for fields in reader)
            # Tables that were put together repeat their head.
            rows = [(number, fields) for number, fields in lines if any(fields) and fields != columns]
    except (OSError, ValueError, csv.Error) as error:
        raise StoreError(f'{path} is not a readable table of comma-separated values in UTF-8. ({error})') from error
    missing = [column for column in ('file', 'label') if column not in columns]
    if missing and len(columns) == 1:
        head = shown(''.join(columns))
        raise StoreError(f'{path}:1: the head is {head}: separate columns by commas, as in file,label.')
    if missing or len(set(columns)) < len(columns):
        raise StoreError(f'{path}:1: the head {columns} {f"lacks {missing}" if missing else "names a column twice"}.')
    if not rows:
        raise StoreError(f'{path} lists no clip.')
    padded = [(number, fields + [''] * len(columns), len(fields)) for number, fields in rows]
    return columns, [(number, dict(zip(columns, fields, strict=False)), count) for number, fields, count in padded]


def _unlisted(folder: Path, listed: Set[str]) -> PassedOver:
    found = find_files([folder], '.npy')
    known = {os.path.normpath(folder / name) for name in listed}
    unlisted = [str(file) for file in found.files if os.path.normpath(file.path) not in known]
    others = {reason: paths for reason, paths in found.passed_over.items() if reason != 'not .npy'}
    return others | ({f'not listed in {TABLE}': unlisted} if unlisted else {})


def _classes(labels: list[str]) -> list[str]:
    # A row without a label is skipped, and does not turn numbers into names.
    labels = [label for label in labels if label]
    if not labels or not all(map(_is_whole, labels)):
        return sorted(set(labels))
    largest = max(map(int, labels))
    if largest >= MAX_CLASSES:
        raise StoreError(f'The largest label is {largest}, but a set has at most {MAX_CLASSES} classes: give their '
                         'names by --classes to leave out what is outside of them.')  # fmt: skip
    return [f'class {label}' for label in range(largest + 1)]


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16
