"""What a run is resumed from."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from mmengine.logging import print_log

from mmskelssl.utils.checkpoint import check_crc, load_checkpoint_file
from mmskelssl.utils.errors import CheckpointError


def newest_whole_checkpoint(folder: str | os.PathLike) -> str | None:
    """The training checkpoint last written in a folder that is as it was written; None where there is none.

    Damaged ones are reported and passed over.

    Raises:
        CheckpointError: If all are damaged.
    """
    found, damaged = [], []
    for path in Path(folder).glob('*.pth'):
        try:
            checkpoint = load_checkpoint_file(str(path), map_location='cpu', mmap=True)
        except CheckpointError as error:
            damaged.append(error)
            continue
        if 'optimizer' in checkpoint:
            meta = checkpoint['meta']
            found.append((meta.get('time', ''), meta['iter'], meta['epoch'], path))
    while found:
        newest = max(found)
        try:
            check_crc(newest[-1])
        except CheckpointError as error:
            damaged.append(error)
            found.remove(newest)
        else:
            break
    for error in damaged:
        print_log(f'{error} It is passed over.', level=logging.WARNING)
    if damaged and not found:
        raise CheckpointError(f'No checkpoint in {folder} is whole: start again in another --work-dir.')
    return str(newest[-1]) if found else None
