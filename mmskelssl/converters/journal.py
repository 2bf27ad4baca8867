"""Conversions that go on where they were interrupted.

Beside the store to be, the folder ``NAME.unfinished`` holds it as far as it is written, and a journal with a line for
each source that is done. A conversion of the same input with the same options takes both over, as if it had read those
sources itself.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mmskelssl.converters.base import RawClip
from mmskelssl.utils.errors import ClipError, StoreError
from mmskelssl.utils.files import REPLACED, put_in_place, refuse_existing

_JOURNAL = 'journal.jsonl'


def unfinished_folder(path: str | os.PathLike) -> Path:
    """Where the store that is to be at ``path`` lies until it is whole."""
    path = Path(path)
    return path.with_name(f'{path.name}.unfinished')


@contextmanager
def resumable_folder(path: str | os.PathLike, overwrite: bool = False) -> Iterator[tuple[Path, BinaryIO]]:
    """Gives a folder that becomes ``path`` when the block succeeds, and the journal of how far it is.

    Both are those of an earlier block that was interrupted, if there was one. They are kept when the block is
    interrupted in any way, also by a full disk, and removed when data are refused.

    Raises:
        FileExistsError: If ``path`` exists and ``overwrite`` is not set.
        StoreError: If another process is in such a block for the same path.
    """
    path = Path(path)
    unfinished = unfinished_folder(path)
    if (unfinished / REPLACED).exists() and not path.exists():
        (unfinished / REPLACED).rename(path)
    refuse_existing(path, overwrite)
    folder = unfinished / 'store'
    folder.mkdir(parents=True, exist_ok=True)
    with open_for_update(unfinished / _JOURNAL) as journal:
        try:
            fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(f'{path} is being written by another process.') from error
        try:
            yield folder, journal
            put_in_place(folder, path)
        except (ClipError, StoreError):
            shutil.rmtree(unfinished)
            raise
        shutil.rmtree(unfinished)


def open_for_update(path: Path) -> BinaryIO:
    """Opens a file for reading and writing at its beginning; makes it if there is none."""
    path.touch()
    return open(path, 'r+b')


class Journal:
    """The sources of a conversion that are done, in order.

    Args:
        file: Where it is kept. What it holds of any other conversion is removed.
        conversion: Tells the conversion from others; anything JSON can hold.
        frames: The store's file of frames.
        dtype: Their precision.
    """

    def __init__(self, file: BinaryIO, conversion: dict, frames: Path, dtype: np.dtype) -> None:
        self._file = file
        self._frames = frames
        self._dtype = dtype
        header = _line(conversion)
        if file.readline() != header:
            file.seek(0)
            file.truncate()
            file.write(header)
        self._begin = file.tell()
        self.num_lines = sum(1 for _ in file)

    def replay(self) -> Iterator[list[RawClip | ClipError]]:
        """What each source gave, its clips as they lie in the store.

        Ends before the first source whose line or frames are not whole, which a crash of the machine may leave behind,
        and forgets that one and those after it.
        """
        digest = hashlib.sha256()
        self._file.seek(self._begin)
        with open(self._frames, 'rb') as frames:
            while True:
                end = self._file.tell()
                outcomes = self._outcomes(self._file.readline(), frames, digest)
                if outcomes is None:
                    break
                yield outcomes
        self._file.seek(end)
        self._file.truncate()

    def _outcomes(self, line: bytes, frames: BinaryIO, digest: hashlib._Hash) -> list[RawClip | ClipError] | None:
        def clip(shape: Sequence[int]) -> np.ndarray:
            data = frames.read(math.prod(shape) * self._dtype.itemsize)
            digest.update(data)
            return np.frombuffer(data, self._dtype).reshape(shape)

        try:
            entry = json.loads(line)
            outcomes = [
                ClipError(outcome['error'])
                if 'error' in outcome
                else RawClip(clip=clip(outcome.pop('shape')), **outcome)
                for outcome in entry['outcomes']
            ]
            return outcomes if digest.hexdigest() == entry['digest'] and line.endswith(b'\n') else None
        except (ValueError, KeyError, TypeError):
            return None

    def append(self, outcomes: Sequence[RawClip | ClipError], digest: str) -> None:
        """Records the next source.

        Args:
            outcomes: Its clips as they were written to the file of frames, which has been flushed, and its errors.
            digest: That of all frames so far.
        """
        self._file.write(_line(dict(outcomes=[_entry(outcome) for outcome in outcomes], digest=digest)))
        self._file.flush()


def _entry(outcome: RawClip | ClipError) -> dict:
    if isinstance(outcome, ClipError):
        return dict(error=str(outcome))
    facts = {key: value for key, value in vars(outcome).items() if key != 'clip'}
    return dict(facts, shape=outcome.clip.shape)


def _line(content: dict) -> bytes:
    return json.dumps(content, default=_plain).encode() + b'\n'


def _plain(value: np.generic | Sequence) -> object:
    return value.item() if isinstance(value, np.generic) else list(value)
