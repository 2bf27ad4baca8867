"""Outputs appear under their final name whole or not at all; inputs are told apart by a fingerprint."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mmskelssl.utils.errors import OutputExistsError

# Name of a folder while it is being replaced.
REPLACED = 'replaced'


@contextmanager
def written_beside(path: str | os.PathLike) -> Iterator[Path]:
    """Gives a temporary path beside ``path`` for a file, and renames it to ``path`` when the block succeeds."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.name}.', suffix=path.suffix)
    os.close(handle)
    # mkstemp makes private files; outputs get the permissions that the user's umask says.
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(name, 0o666 & ~umask)
    try:
        yield Path(name)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


@contextmanager
def folder_written_beside(path: str | os.PathLike, overwrite: bool = False) -> Iterator[Path]:
    """The same for a folder.

    Raises:
        OutputExistsError: If ``path`` exists and ``overwrite`` is not set.
    """
    path = Path(path)
    refuse_existing(path, overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=path.parent, prefix=f'.{path.name}.'))
    try:
        made = beside / 'made'
        made.mkdir()
        yield made
        put_in_place(made, path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raises OutputExistsError if ``path`` exists and ``overwrite`` is not set."""
    if path.exists() and not overwrite:
        raise OutputExistsError(
            f'{path} exists already: choose another path, or replace it by --overwrite (in Python: overwrite=True).'
        )


def put_in_place(made: Path, path: Path) -> None:
    """Renames a folder to ``path``; an older folder at ``path`` is moved beside ``made`` as ``REPLACED``."""
    replaced = made.with_name(REPLACED)
    if path.exists():
        path.rename(replaced)
    try:
        made.rename(path)
    except OSError:
        if replaced.exists():
            replaced.rename(path)
        raise


def fingerprint(paths: Iterable[str | os.PathLike]) -> str:
    """A digest of the names, sizes and times of change of files: other after any edit.

    Raises:
        OSError: If one of them does not exist.
    """
    digest = hashlib.sha256()
    for path in sorted(map(os.fspath, paths)):
        status = os.stat(path)
        digest.update(f'{path}\0{status.st_size}\0{status.st_mtime_ns}\0'.encode(errors='surrogateescape'))
    return digest.hexdigest()
