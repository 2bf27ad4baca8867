"""Files of a raw data set, in folders or in archives as they were downloaded, which are never unpacked."""

from __future__ import annotations

import os
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath

from mmskelssl.utils.errors import ClipError, StoreError


@dataclass(frozen=True)
class RawFile:
    """A file, or a member of an archive.

    Args:
        path: The file, or the archive.
        member: Its path in the archive; empty for a file.
        size: Bytes of the member.
        position: Where the member begins in the archive.
        content: Gives the bytes of the member.
    """

    path: Path
    member: str = ''
    size: int = 0
    position: int = 0
    content: Callable[[], bytes] = bytes

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
        return _inner(self.member or self.path.name)

    def __str__(self) -> str:
        return f'{self.path}/{self.member}' if self.member else str(self.path)

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
            size = self.size if self.member else self.path.stat().st_size
            if size > limit:
                raise ClipError(f'{self}: {size} bytes are more than the {limit} allowed for a clip')
            return self.content() if self.member else self.path.read_bytes()
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
        files: Those wanted in the order of their paths, each under the first path by which it is reached.
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
    kept: dict[tuple, RawFile] = {}
    for file in sorted(files, key=str):
        kept.setdefault((os.path.realpath(file.path), file.member or file.path.name, file.position), file)
    return Found(list(kept.values()), {reason: names for reason, names in passed_over.items() if names})


def described(passed_over: Mapping[str, Sequence[str]]) -> list[str]:
    """One sentence for each reason."""
    return [
        f'{len(paths)} passed over, {reason}: {", ".join(paths[:3])}{" ..." if len(paths) > 3 else "."}'
        for reason, paths in passed_over.items()
    ]


def _below(path: Path, suffix: str, passed_over: PassedOver) -> Iterator[RawFile]:
    every: Iterable[RawFile]
    if path.is_dir():
        every = _walk(path, passed_over)
    elif path.is_file() and path.name.lower().endswith(suffix):
        every = [RawFile(path)]
    elif path.is_file():
        every = iter(_members(path, suffix))
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


def _walk(top: Path, passed_over: PassedOver) -> Iterator[RawFile]:
    """Files below a folder. Links may lead in circles, so no folder is read twice."""
    read = set()
    closed = passed_over[_CLOSED]
    for folder, folders, names in os.walk(top, onerror=lambda error: closed.append(error.filename), followlinks=True):
        real = os.path.realpath(folder)
        if real in read:
            folders.clear()
            continue
        read.add(real)
        passed_over[HIDDEN] += [os.path.join(folder, name) for name in folders if _is_hidden(name)]
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        for path in (Path(folder, name) for name in names):
            if path.is_file():
                yield RawFile(path)
            else:
                passed_over[_NOTHING].append(str(path))


def _is_hidden(name: str) -> bool:
    return name.startswith('.') or name.lower() in _OF_SYSTEMS


def _members(path: Path, suffix: str) -> list[RawFile]:
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


def _zip_members(path: Path) -> list[RawFile]:
    return [
        RawFile(path, info.filename, info.file_size, info.header_offset, partial(_read_member, path, info))
        for info in _opened(path, os.getpid()).infolist()
        if not info.is_dir()
    ]


@lru_cache(maxsize=8)
def _opened(path: Path, process: int) -> zipfile.ZipFile:
    """The archive, opened anew in every forked process: they would share one position in the file."""
    return zipfile.ZipFile(path)


def _read_member(path: Path, info: zipfile.ZipInfo) -> bytes:
    return _opened(path, os.getpid()).read(info)


def _tar_members(path: Path, suffix: str) -> list[RawFile]:
    with tarfile.open(path) as archive:
        members = [
            RawFile(path, info.name, info.size, info.offset, partial(bytes, _tar_content(archive, info, suffix)))
            for info in archive
            if info.isfile()
        ]
        # The checksum of a compressed archive lies after its last file.
        archive.fileobj.read(-1)
        return members


def _tar_content(archive: tarfile.TarFile, info: tarfile.TarInfo, suffix: str) -> bytes:
    is_wanted = info.size <= _LARGEST and not _reason_against(_inner(info.name), suffix)
    return archive.extractfile(info).read() if is_wanted else b''
