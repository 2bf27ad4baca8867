"""Files of a raw data set, in folders or in archives as they were downloaded, which are never unpacked."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from mmskelssl.utils.errors import ClipError, StoreError

_TAR_SUFFIXES = ('.tar', '.tar.gz', '.tgz', '.tar.xz', '.txz', '.tar.bz2')
# No file of a clip or a recording is larger: what is larger in a tar archive is listed and not kept.
_LARGEST = 128 << 20


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    Args:
        name: Its path there.
        size: Its number of bytes.
        read: Gives them.
    """

    name: str
    size: int
    read: Callable[[], bytes]


@dataclass(frozen=True)
class RawFile:
    """A file, or a member of an archive.

    Args:
        path: The file, or the archive.
        member: The file in the archive.
    """

    path: Path
    member: Member | None = None

    @property
    def name(self) -> str:
        return self.member.name if self.member else self.path.name

    @property
    def stem(self) -> str:
        """The name without folders and suffix."""
        return self._inner_path.stem

    @property
    def folder(self) -> str:
        """The name of the folder that it lies in, or of the archive where that has none."""
        return self._inner_path.parent.name or (self.path.name if self.member else self.path.parent.name)

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the folders that it lies in, the outermost first, and its own."""
        return self._inner_path.parts if self.member else self.path.parts

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
            size = self.member.size if self.member else self.path.stat().st_size
            if size > limit:
                raise ClipError(f'{self}: {size} bytes are more than the {limit} allowed for a clip')
            return self.member.read() if self.member else self.path.read_bytes()
        except ClipError:
            raise
        # A damaged archive makes zipfile and the decompressors fail in many ways.
        except Exception as error:
            raise ClipError(f'{self}: unreadable: {error}') from error


def list_files(paths: Sequence[str | os.PathLike], suffix: str) -> Iterator[RawFile]:
    """All files with a suffix in folders, at any depth, and in zip and tar archives, in no particular order.

    Hidden files are left out: archives made on Macs hold one for each file. Members of a zip archive are read when they
    are asked for. A compressed tar archive can only be read from the beginning to the end: its members are held in
    memory.

    Raises:
        StoreError: If a path does not exist or is not a whole archive.
    """
    for path in map(Path, paths):
        yield from (file for file in _list(path, suffix) if not file.stem.startswith('.'))


def _list(path: Path, suffix: str) -> Iterator[RawFile]:
    if path.is_dir():
        yield from (RawFile(file) for file in path.rglob(f'*{suffix}'))
    elif path.is_file():
        members = _tar_members if path.name.lower().endswith(_TAR_SUFFIXES) else _zip_members
        yield from (RawFile(path, member) for member in members(path, suffix))
    else:
        raise StoreError(f'{path} does not exist: give a folder, or a zip or tar archive.')


def _zip_members(path: Path, suffix: str) -> list[Member]:
    try:
        archive = zipfile.ZipFile(io.BufferedReader(_PositionalFile(path)))
    except Exception as error:
        raise StoreError(f'{path} is not a whole zip archive: download it again. ({error})') from error
    return [
        Member(info.filename, info.file_size, partial(archive.read, info))
        for info in archive.infolist()
        if info.filename.endswith(suffix)
    ]


def _tar_members(path: Path, suffix: str) -> list[Member]:
    try:
        with tarfile.open(path) as archive:
            files = (info for info in archive if info.isfile() and info.name.endswith(suffix))
            members = [Member(info.name, info.size, _tar_content(archive, info)) for info in files]
            # The checksum of a compressed archive lies after its last file.
            archive.fileobj.read()
            return members
    # A damaged archive makes tarfile and the decompressors fail in many ways.
    except Exception as error:
        raise StoreError(f'{path} is not a whole tar archive: download it again. ({error})') from error


def _tar_content(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Callable[[], bytes]:
    content = archive.extractfile(info).read() if info.size <= _LARGEST else b''
    return lambda: content


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
