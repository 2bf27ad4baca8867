"""Outputs that appear under their final name whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmskelssl.utils.errors import OutputExistsError


@contextmanager
def written_beside(path: str | os.PathLike) -> Iterator[Path]:
    """Gives a temporary path next to ``path`` for a file, and renames it to ``path`` when the block succeeds."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.name}.', suffix=path.suffix)
    os.close(handle)
    # mkstemp makes private files; outputs are to be as readable as the user's umask says.
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
    if path.exists() and not overwrite:
        raise OutputExistsError(
            f'{path} exists already: choose another path, or replace it by --overwrite (in Python: overwrite=True).'
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=path.parent, prefix=f'.{path.name}.'))
    try:
        made = beside / 'made'
        made.mkdir()
        yield made
        _put_in_place(made, path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _put_in_place(made: Path, path: Path) -> None:
    """Renames a folder to ``path``; a folder that is there already is moved beside ``made`` first."""
    replaced = made.with_name('replaced')
    if path.exists():
        path.rename(replaced)
    try:
        made.rename(path)
    except OSError:
        if replaced.exists():
            replaced.rename(path)
        raise
