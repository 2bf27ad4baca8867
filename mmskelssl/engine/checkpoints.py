"""Checkpoints are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from mmskelssl.utils.files import written_beside


class WholeFilesBackend(LocalBackend):
    """MMEngine's access to local files; what it writes appears whole or not at all."""

    def put(self, obj: bytes | memoryview, filepath: str | Path) -> None:
        """Writes a file."""
        with written_beside(filepath) as beside, open(beside, 'wb') as file:
            file.write(obj)
            file.flush()
            os.fsync(file.fileno())


register_backend('local', WholeFilesBackend, force=True, prefixes='')
