"""Files of a raw data set, in folders or in zip archives as they were downloaded, which are never unpacked."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mmskelssl.utils.errors import ClipError, StoreError


@dataclass(frozen=True)
class RawFile:
    """A file, or a member of an archive.

    Args:
        path: The file, or the archive.
        member: The entry in the archive, and the open archive.
    """

    path: Path
    member: tuple[zipfile.ZipInfo, zipfile.ZipFile] | None = None

    @property
    def name(self) -> str:
        return self.member[0].filename if self.member else self.path.name

    @property
    def stem(self) -> str:
        """The name without folders and suffix."""
        return self._inner_path.stem

    @property
    def folder(self) -> str:
        """The name of the folder that it lies in, or of the archive where that has none."""
        return self._inner_path.parent.name or (self.path.name if self.member else self.path.parent.name)

    @property
    def _inner_path(self) -> PurePosixPath:
        # Archives made on Windows may hold its separators.
        return PurePosixPath(self.name.replace('\\', '/'))

    def __str__(self) -> str:
        return f'{self.path}/{self.name}' if self.member else str(self.path)

    def read(self, limit: int) -> bytes:
        """The content.

        Args:
            limit: A file of more bytes is refused before it takes memory.

        Raises:
            ClipError: If it is too long, unreadable, damaged or encrypted, or its path leaves the archive.
        """
        if self.member and (self._inner_path.is_absolute() or '..' in self._inner_path.parts):
            raise ClipError(f'{self}: the path leaves the archive')
        try:
            size = self.member[0].file_size if self.member else self.path.stat().st_size
            if size > limit:
                raise ClipError(f'{self}: {size} bytes are more than the {limit} allowed for a clip')
            return self.member[1].read(self.member[0]) if self.member else self.path.read_bytes()
        except ClipError:
            raise
        # A damaged archive makes zipfile and the decompressors fail in many ways.
        except Exception as error:
            raise ClipError(f'{self}: unreadable: {error}') from error


def list_files(paths: Sequence[str | os.PathLike], suffix: str) -> Iterator[RawFile]:
    """All files with a suffix in folders, at any depth, and in zip archives, in no particular order.

    Raises:
        StoreError: If a path does not exist or is not a whole archive.
    """
    for path in map(Path, paths):
        if path.is_dir():
            yield from (RawFile(file) for file in path.rglob(f'*{suffix}'))
        elif path.is_file():
            archive = _open_archive(path)
            for info in archive.infolist():
                if info.filename.endswith(suffix):
                    yield RawFile(path, (info, archive))
        else:
            raise StoreError(f'{path} does not exist: give a folder or a zip archive.')


def _open_archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BufferedReader(_PositionalFile(path)))
    except Exception as error:
        raise StoreError(f'{path} is not a whole zip archive: download it again. ({error})') from error


class _PositionalFile(io.RawIOBase):
    """A file with a position of its own in every forked process; an ordinary file's is shared."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = (0, self._position, os.fstat(self._descriptor).st_size)[whence]
        if start + offset < 0:
            raise ValueError('a position before the beginning')
        self._position = start + offset
        return self._position

    def readinto(self, buffer: memoryview) -> int:
        count = os.preadv(self._descriptor, [buffer], self._position)
        self._position += count
        return count

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()
