"""Files of a raw data set, in folders or in archives as they were downloaded, which are never unpacked."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from mmskelssl.utils.errors import ClipError, StoreError


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    Args:
        name: Its path there.
        size: Its number of bytes.
        position: Where it begins in the archive.
        read: Gives its bytes.
    """

    name: str
    size: int
    position: int
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
        return self.inner_path.stem

    @property
    def folder(self) -> str:
        """The name of the folder that it lies in, or of the archive where that has none."""
        return self.inner_path.parent.name or (self.path.name if self.member else self.path.parent.name)

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the folders that it lies in, the outermost first, and its own."""
        return self.inner_path.parts if self.member else self.path.parts

    @property
    def inner_path(self) -> PurePosixPath:
        """The path in the archive, or the name."""
        return _inner(self.name)

    def __str__(self) -> str:
        return f'{self.path}/{self.name}' if self.member else str(self.path)

    def read(self, limit: int) -> bytes:
        """The content.

        Args:
            limit: A file of more bytes is refused before it takes memory.

        Raises:
            ClipError: If it is too long, unreadable, damaged or encrypted, or its path leaves the archive.
        """
        if self.member and (self.inner_path.is_absolute() or '..' in self.inner_path.parts):
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


PassedOver = dict[str, list[str]]

# What systems leave beside files that are copied or packed on them; hidden files begin with a dot.
_OF_SYSTEMS = {'__macosx', 'thumbs.db', 'desktop.ini', '$recycle.bin', 'system volume information', '@eadir'}
_TAR_SUFFIXES = ('.tar', '.tar.gz', '.tgz', '.tar.xz', '.txz', '.tar.bz2')
_ARCHIVES = ('.zip', '.7z', '.rar', *_TAR_SUFFIXES)
# No file of a clip or a recording is larger: what is larger in a tar archive is listed and not kept.
_LARGEST = 128 << 20
HIDDEN = 'hidden, or of another system'
_ARCHIVED = 'archives, which are read where they are given themselves'
_NOTHING = 'links to nothing, or no files'
_CLOSED = 'folders that cannot be read'


@dataclass(frozen=True)
class Found:
    """What lies in the given places.

    Args:
        files: Those wanted, in no particular order; one that is reached in two ways comes twice.
        passed_over: Why others were left aside, each reason with their paths.
    """

    files: list[RawFile]
    passed_over: PassedOver

    def __str__(self) -> str:
        return ' '.join(described(self.passed_over)) or 'There is no file at all.'


def find_files(paths: Sequence[str | os.PathLike], suffix: str) -> Found:
    """All files with a suffix among those given, in folders at any depth, and in archives; links are followed.

    Members of a zip archive are read when they are asked for. A compressed tar archive can only be read from the
    beginning to the end: its members are held in memory, and links in it are left out.

    Args:
        paths: Files, folders and archives.
        suffix: End of the wanted names, in small letters; large ones fit too.

    Raises:
        StoreError: If a path does not exist, or is neither a folder, such a file nor a whole archive.
    """
    passed_over: PassedOver = defaultdict(list)
    files = [file for path in map(Path, paths) for file in _below(path, suffix, passed_over)]
    return Found(files, dict(passed_over))


def distinct(files: Sequence[RawFile]) -> list[RawFile]:
    """The files in the order of their paths, each under the first of the paths by which it is reached."""
    kept: dict[tuple, RawFile] = {}
    for file in sorted(files, key=str):
        kept.setdefault((os.path.realpath(file.path), file.name, file.member and file.member.position), file)
    return list(kept.values())


def described(passed_over: Mapping[str, Sequence[str]]) -> list[str]:
    """One sentence for each reason."""
    return [
        f'{len(paths)} passed over, {reason}: {", ".join(paths[:3])}{" ..." if len(paths) > 3 else "."}'
        for reason, paths in passed_over.items()
    ]


def _below(path: Path, suffix: str, passed_over: PassedOver) -> Iterator[RawFile]:
    every: Iterable[RawFile]
    if path.is_dir():
        every = (RawFile(file) for file in _walk(path, passed_over))
    elif path.is_file() and path.name.lower().endswith(suffix):
        every = [RawFile(path)]
    elif path.is_file():
        every = (RawFile(path, member) for member in _members(path, suffix))
    else:
        raise StoreError(f'{path} does not exist: give a folder, or a zip or tar archive.')
    for file in every:
        if reason := _reason_against(file.inner_path, suffix):
            passed_over[reason].append(str(file))
        else:
            yield file


def _reason_against(path: PurePosixPath, suffix: str) -> str | None:
    # A path that leaves the archive is refused when it is read.
    if any(_is_hidden(part) for part in path.parts if part.strip('.')):
        return HIDDEN
    if path.name.lower().endswith(suffix):
        return None
    return _ARCHIVED if path.name.lower().endswith(_ARCHIVES) else f'not {suffix}'


def _inner(name: str) -> PurePosixPath:
    # Archives made on Windows may hold its separators.
    return PurePosixPath(name.replace('\\', '/'))


def _walk(top: Path, passed_over: PassedOver) -> Iterator[Path]:
    """Files below a folder. Links may lead in circles, so a folder is not read in itself, nor twice under one name."""
    read = set()
    pending: list[tuple[Path, frozenset[str]]] = [(top, frozenset())]
    while pending:
        folder, above = pending.pop()
        real = os.path.realpath(folder)
        if real in above or (real, folder.name) in read:
            continue
        read.add((real, folder.name))
        try:
            with os.scandir(folder) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            passed_over[_CLOSED].append(str(folder))
            continue
        for entry in inside:
            path = folder / entry.name
            if _is_hidden(entry.name):
                passed_over[HIDDEN].append(str(path))
            elif path.is_dir():
                pending.append((path, above | {real}))
            elif path.is_file():
                yield path
            else:
                passed_over[_NOTHING].append(str(path))


def _is_hidden(name: str) -> bool:
    return name.startswith('.') or name.lower() in _OF_SYSTEMS


def _members(path: Path, suffix: str) -> list[Member]:
    """The files of an archive; of a tar archive only those with the suffix can be read."""
    try:
        return _zip_members(path) if zipfile.is_zipfile(path) else _tar_members(path, suffix)
    # A damaged archive makes its readers and the decompressors fail in many ways.
    except Exception as error:
        name = path.name.lower()
        for kind, suffixes in (('zip', '.zip'), ('tar', _TAR_SUFFIXES)):
            if name.endswith(suffixes):
                raise StoreError(f'{path} is not a whole {kind} archive: download it again. ({error})') from error
        raise StoreError(
            f'{path} is neither a folder, a {suffix} file nor a whole zip or tar archive: give one of these, and '
            'unpack other archives first.'
        ) from error


def _zip_members(path: Path) -> list[Member]:
    archive = zipfile.ZipFile(io.BufferedReader(_PositionalFile(path)))
    return [
        Member(info.filename, info.file_size, info.header_offset, partial(archive.read, info))
        for info in archive.infolist()
        if not info.is_dir()
    ]


def _tar_members(path: Path, suffix: str) -> list[Member]:
    with tarfile.open(path) as archive:
        members = [
            Member(info.name, info.size, info.offset, partial(bytes, _tar_content(archive, info, suffix)))
            for info in archive
            if info.isfile()
        ]
        # The checksum of a compressed archive lies after its last file.
        archive.fileobj.read(-1)
        return members


def _tar_content(archive: tarfile.TarFile, info: tarfile.TarInfo, suffix: str) -> bytes:
    is_wanted = info.size <= _LARGEST and not _reason_against(_inner(info.name), suffix)
    return archive.extractfile(info).read() if is_wanted else b''


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
