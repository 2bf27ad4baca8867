"""Normalized frames of a store, computed once and kept beside it."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.logging import print_log

from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.clip_store import ClipStore, map_array
from mmskelssl.registry import TRANSFORMS
from mmskelssl.utils.errors import StoreError
from mmskelssl.utils.files import written_beside
from mmskelssl.utils.progress import track
from mmskelssl.version import __version__

_CHUNK = 2048


def normalized_clips(store: ClipStore, normalize: Sequence[dict], cache_dir: Path) -> ClipBatch:
    """All clips of a store, mapped from a file that is named by store, recipe and version, and made if need be.

    Clips that a step leaves as they were are named in the log when the file is made.

    Args:
        store: The clips.
        normalize: Configs of normalizations, in their order; without any, the store's own frames are mapped.
        cache_dir: Folder of the file.

    Raises:
        ConfigError: If a normalization needs what the layout lacks.
        StoreError: If the file cannot be written.
    """
    raw = ClipBatch(
        torch.from_numpy(store.frames),
        torch.from_numpy(store.offsets),
        torch.from_numpy(store.num_frames),
        torch.from_numpy(store.num_persons),
        int(store.num_persons.max()),
    )
    if not normalize:
        return raw
    recipe = json.dumps([store.digest, list(normalize), __version__], sort_keys=True)
    path = cache_dir / f'normalized-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}.bin'
    steps = [TRANSFORMS.build(step) for step in normalize]
    lengths = raw.num_frames
    for step in steps:
        lengths = step.lengths(lengths)
    rows = lengths * raw.num_persons
    if not path.exists():
        chunks = torch.arange(len(store)).split(_CHUNK)
        left: list[list[str]] = [[] for _ in steps]
        try:
            with written_beside(path) as beside, open(beside, 'wb') as file:
                for chunk in track(chunks, len(chunks), 'Normalizing'):
                    clips = raw.select(chunk).pack()
                    for step, names in zip(steps, left, strict=True):
                        names += store.names[chunk.numpy()][step.lacks_reference(clips, store.layout).numpy()].tolist()
                        clips = step.normalize(clips, store.layout)
                    file.write(clips.frames.contiguous().numpy().data)
        except OSError as error:
            raise StoreError(
                f'Cannot keep normalized frames in {cache_dir}: {error}. Free space there, or set cache_dir of the '
                'dataset to a folder that can be written.'
            ) from error
        for step, names in zip(steps, left, strict=True):
            if names:
                _tell(store, type(step).__name__, names)
    frames = map_array(path, np.dtype(np.float32), (int(rows.sum()), *store.frames.shape[1:]))
    return raw._replace(frames=torch.from_numpy(frames), num_frames=lengths, offsets=rows.cumsum(0) - rows)


def _tell(store: ClipStore, step: str, names: Sequence[str]) -> None:
    print_log(
        f'{step} leaves {len(names)} of {len(store)} clips of {store.path} as they were, or a person of them, because '
        f'a joint that it needs is tracked in no frame: {", ".join(names[:3])}{" ..." if len(names) > 3 else ""}. '
        'Check the layout of the store, or take the step out.',
        'current',
        logging.WARNING,
    )
