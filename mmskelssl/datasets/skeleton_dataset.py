"""Clips of a store's split, fetched and augmented a whole batch at a time."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.clip_store import ClipStore, map_array
from mmskelssl.datasets.keyed_random import clip_keys
from mmskelssl.datasets.label_draws import read_draw
from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.datasets.sampler import ClipDraw
from mmskelssl.datasets.transforms.wrappers import ViewPipeline
from mmskelssl.registry import DATASETS, FUNCTIONS, TRANSFORMS
from mmskelssl.utils.errors import StoreError
from mmskelssl.utils.files import written_beside
from mmskelssl.utils.memory import keep_freed_memory
from mmskelssl.utils.progress import track
from mmskelssl.version import __version__

_CHUNK = 2048


@DATASETS.register_module()
class SkeletonDataset(Dataset):
    """A split of a clip store.

    Not MMEngine's BaseDataset: that serves one sample's dict after the other, this one serves batches. PyTorch's loader
    asks for them through ``__getitems__``; ``batch_collate`` passes them on.

    A batch is ``dict(inputs=..., data_samples=dict(labels=(N,), index=(N,)))``, where ``inputs`` is a list of views
    (N, M, T, V, C), or, without a pipeline, ``dict(clips=ClipBatch, keys=(N,))`` for a pipeline that runs on the
    device (see ``SkeletonDataPreprocessor``). ``index`` counts within the split.
    Where a sampler padded its last batch, ``num_padding`` clips at its end are for the data preprocessor to leave out.

    Args:
        store: Folder of a :class:`ClipStore`.
        split: Name of one of its splits; by default all clips.
        pipeline: Transforms that make views.
        normalize: Normalizations applied once to all of the store's frames. The result is kept beside the store, in
            ``cache/`` or ``cache_dir``, under a name made of store, recipe and version, and mapped like the store.
        num_persons: M of the views; by default that of the store's fullest clip.
        cache_dir: Where normalized frames are kept.
        draw: Arguments of :func:`~mmskelssl.datasets.label_draws.read_draw` (``path``, ``ratio``, ``draw``): only the
            split's clips that are drawn; by default all.

    Raises:
        StoreError: If the store is unreadable, has no such split, or its cache cannot be written, or if a drawn clip is
            not in the split.
    """

    def __init__(
        self,
        store: str | os.PathLike,
        split: str | None = None,
        pipeline: Sequence[dict] | None = None,
        normalize: Sequence[dict] = (),
        num_persons: int | None = None,
        cache_dir: str | os.PathLike | None = None,
        draw: dict | None = None,
    ) -> None:
        keep_freed_memory()
        self._init_args = (store, split, pipeline, normalize, num_persons, cache_dir, draw)
        self.store = ClipStore(store)
        self.indices = np.arange(len(self.store)) if split is None else self.store.split(split)
        if not len(self.indices):
            raise StoreError(f"Split '{split}' of {store} is empty.")
        if draw is not None:
            self.indices = _drawn(self.store, self.indices, draw, split)
        self.pipeline = None if pipeline is None else ViewPipeline(pipeline)
        self.num_persons = num_persons or int(self.store.num_persons.max())
        self._clips = _normalized(self.store, list(normalize), Path(cache_dir or self.store.path / 'cache'))

    @property
    def layout(self) -> SkeletonLayout:
        return self.store.layout

    @property
    def labels(self) -> np.ndarray:
        """(N,) 0-based labels of the split's clips."""
        return self.store.labels[self.indices]

    @property
    def names(self) -> np.ndarray:
        """(N,) names of the split's clips."""
        return self.store.names[self.indices]

    @property
    def metainfo(self) -> dict:
        return dict(classes=self.store.classes, layout=self.layout.to_dict())

    def full_init(self) -> None:
        """Nothing is left to do; MMEngine asks."""

    def __len__(self) -> int:
        return len(self.indices)

    def __reduce__(self) -> tuple:
        # A spawned loader worker maps the frames itself instead of receiving them.
        return type(self), self._init_args

    def __getitem__(self, draw: int | ClipDraw) -> dict:
        """The batch of one clip."""
        return self.__getitems__([draw])

    def __getitems__(self, draws: Sequence[int | ClipDraw]) -> dict:
        """The batch of several clips.

        Args:
            draws: What a sampler yields: draws, or bare positions for pipelines without chance.
        """
        draws = torch.tensor([draw if isinstance(draw, tuple) else ClipDraw(int(draw)) for draw in draws])
        index, seed, epoch, is_padding = draws.T
        indices = self.indices[index.numpy()]
        clips = self._clips.select(torch.from_numpy(indices), self.num_persons)
        keys = clip_keys(seed, epoch, index)
        data_samples = dict(labels=torch.from_numpy(self.store.labels[indices]), index=index)
        inputs = dict(clips=clips.pack(), keys=keys) if self.pipeline is None else self.pipeline(clips, keys)
        num_padding = int(is_padding.sum())
        padding = dict(num_padding=num_padding) if num_padding else {}
        return dict(inputs=inputs, data_samples=data_samples, **padding)


@FUNCTIONS.register_module()
def batch_collate(batch: dict, _scope_: str | None = None) -> dict:
    """Collate function for datasets that fetch whole batches: there is nothing left to collate.

    Args:
        batch: Of the dataset.
        _scope_: MMEngine's mark on the parts of a config that inherits from another package's.
    """
    return batch


def _drawn(store: ClipStore, indices: np.ndarray, draw: dict, split: str | None) -> np.ndarray:
    names = read_draw(**draw)
    missing = sorted(set(names) - set(store.names[indices].tolist()))
    if missing:
        raise StoreError(
            f'Label draws {draw["path"]} are of other clips: {len(missing)} of {len(names)} drawn ones, such as '
            f"{missing[0]!r}, are not in split '{split}' of {store.path}. Make draws of that split with "
            'tools/misc/make_draws.py.'
        )
    return indices[np.isin(store.names[indices], names)]


def _normalized(store: ClipStore, normalize: list[dict], cache_dir: Path) -> ClipBatch:
    """All clips of a store."""
    columns = (store.offsets, store.num_frames, store.num_persons)
    raw = ClipBatch(torch.from_numpy(store.frames), *map(torch.from_numpy, columns), max_persons=0)
    if not normalize:
        return raw
    recipe = json.dumps([store.digest, normalize, __version__], sort_keys=True)
    path = cache_dir / f'normalized-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}.bin'
    steps = [TRANSFORMS.build(step) for step in normalize]
    lengths = raw.num_frames
    for step in steps:
        lengths = step.lengths(lengths)
    rows = lengths * raw.num_persons
    if not path.exists():
        chunks = torch.arange(len(store)).split(_CHUNK)
        try:
            with written_beside(path) as beside, open(beside, 'wb') as file:
                for chunk in track(chunks, len(chunks), 'Normalizing'):
                    clips = raw.select(chunk, max_persons=0).pack()
                    for step in steps:
                        clips = step(clips, store.layout)
                    file.write(clips.frames.contiguous().numpy().data)
        except OSError as error:
            raise StoreError(
                f'Cannot keep normalized frames in {cache_dir}: {error}. Free space there, or set cache_dir of the '
                'dataset to a folder that can be written.'
            ) from error
    frames = map_array(path, np.dtype(np.float32), (int(rows.sum()), *store.frames.shape[1:]))
    return raw._replace(frames=torch.from_numpy(frames), num_frames=lengths, offsets=rows.cumsum(0) - rows)
