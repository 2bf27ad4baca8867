"""Checkpoints are written whole, and damage to them is noticed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from mmskelssl.utils.errors import CheckpointError
from mmskelssl.utils.files import written_beside

# A checkpoint is a zip archive. Its seal is the archive's comment: the SHA-256 of all bytes before it, in hexadecimal.
_SEAL = 64
_END_RECORD = b'PK\x05\x06'  # of 22 bytes without a comment, the last two of which are the comment's length
_CHUNK = 1 << 24


class SealingBackend(LocalBackend):
    """MMEngine's access to local files; what it writes appears whole or not at all, checkpoints with a seal."""

    def put(self, obj: bytes | memoryview, filepath: str | Path) -> None:
        """Writes a file."""
        content = memoryview(obj)
        with written_beside(filepath) as beside, open(beside, 'wb') as file:
            if content[-22:-18] == _END_RECORD and content[-2:] == b'\0\0':
                digest = hashlib.sha256(content[:-2])
                length = _SEAL.to_bytes(2, 'little')
                digest.update(length)
                file.write(content[:-2])
                file.write(length)
                file.write(digest.hexdigest().encode())
            else:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())


def register_sealed_writing() -> None:
    """Makes MMEngine write local files by :class:`SealingBackend`."""
    register_backend('local', SealingBackend, force=True, prefixes='')


def check_seal(filename: str | os.PathLike) -> None:
    """Refuses a checkpoint that is not as it was written. One without a seal, of another program, passes.

    Raises:
        CheckpointError: If its content does not have the digest that it carries.
    """
    path = Path(filename)
    size = path.stat().st_size
    with open(path, 'rb') as file:
        file.seek(max(0, size - _SEAL - 22))
        _, found, end = file.read().rpartition(_END_RECORD)
        # 16 bytes on is the length of what comes then.
        if not found or end[16:18] != _SEAL.to_bytes(2, 'little'):
            return
        seal = end[18:]
        file.seek(0)
        digest, left = hashlib.sha256(), size - len(seal)
        while left and (chunk := file.read(min(left, _CHUNK))):
            digest.update(chunk)
            left -= len(chunk)
    if digest.hexdigest().encode() != seal:
        raise CheckpointError(f'Checkpoint {path} is damaged: its content does not have the digest written with it.')
