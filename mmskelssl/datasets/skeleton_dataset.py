"""Clips of a store's split, gathered a whole batch at a time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.held_out import held_out
from mmskelssl.datasets.keyed_random import clip_keys
from mmskelssl.datasets.label_draws import drawn_names, read_draw
from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.datasets.mates import find_mates
from mmskelssl.datasets.normalized_cache import normalized_clips
from mmskelssl.datasets.sampler import ClipRequest
from mmskelssl.registry import DATASETS, FUNCTIONS
from mmskelssl.utils.errors import ConfigError, StoreError
from mmskelssl.utils.memory import keep_freed_memory

_PARTS = ('fit', 'held-out')


@DATASETS.register_module()
class SkeletonDataset(Dataset):
    """A split of a clip store.

    Not MMEngine's BaseDataset: that serves one sample's dict after the other, this one serves batches. PyTorch's loader
    asks for them through ``__getitems__``; ``batch_collate`` passes them on.

    A batch is ``dict(inputs=dict(clips=ClipBatch, keys=(N,)), data_samples=dict(labels=(N,), index=(N,)))``: packed
    clips of any length and the keys of their randomness. ``SkeletonDataPreprocessor`` makes views of them on the
    model's device. ``index`` counts within the split. Where a sampler padded its last batch, ``num_padding`` clips at
    its end are for the data preprocessor to leave out.

    Args:
        store: Folder of a :class:`ClipStore`.
        split: Name of one of its splits; by default all clips.
        normalize: Normalizations applied once to all of the store's frames. The result is kept beside the store, in
            ``cache/`` or ``cache_dir``, under a name made of store, recipe and version, and mapped like the store.
        cache_dir: Where normalized frames are kept.
        draw: Only the split's clips that are drawn; by default all. Arguments of
            :func:`~mmskelssl.datasets.label_draws.read_draw` (``path``, ``ratio``, ``draw``), or those of
            :func:`~mmskelssl.datasets.label_draws.drawn_names` (``ratio``, ``draw``, ``balanced``) without a path.
        part: Of these clips, ``held-out``: those that :func:`~mmskelssl.datasets.held_out.held_out` keeps apart;
            ``fit``: the others. By default both.
        mates: Arguments ``same`` and ``other`` of :func:`~mmskelssl.datasets.mates.find_mates`: every clip comes with
            one of the same performance from another camera, as ``inputs['mates']``. By default none does.

    Raises:
        StoreError: If the store is unreadable, has no such split, or its cache cannot be written, or if a drawn clip is
            not in the split.
        ConfigError: If a normalization needs what the store's layout lacks, or there is no such part.

    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> from mmskelssl.datasets import ClipStore
        >>> with ClipStore.create('data/mine', layout='kinect20', classes=['wave']) as store:
        ...     store.add('clip0', 'wave', rng.normal(0, 0.2, (1, 34, 20, 3)))
        ...     store.splits['train'] = [0]
        >>> dataset = SkeletonDataset('data/mine', split='train')
        >>> dataset[0]['inputs']['clips'].frames.shape  # rows (frames of persons), joints, coordinates
        torch.Size([34, 20, 3])
    """

    def __init__(
        self,
        store: str | os.PathLike,
        split: str | None = None,
        normalize: Sequence[dict] = (),
        cache_dir: str | os.PathLike | None = None,
        draw: dict | None = None,
        part: str | None = None,
        mates: dict | None = None,
    ) -> None:
        if part not in (None, *_PARTS):
            raise ConfigError(f"A data set has no part '{part}': parts are {', '.join(_PARTS)}, or None for all.")
        keep_freed_memory()
        self._init_args = (store, split, normalize, cache_dir, draw, part, mates)
        self.store = ClipStore(store)
        self.indices = np.arange(len(self.store)) if split is None else self.store.split(split)
        if not len(self.indices):
            raise StoreError(f"Split '{split}' of {store} is empty.")
        if draw is not None:
            self.indices = _drawn(self.store, self.indices, draw, split)
        if part is not None:
            self.indices = self.indices[held_out(self.store, self.indices) == (part == 'held-out')]
        self._mates = None if mates is None else find_mates(self.store, self.indices, **mates)
        self._clips = normalized_clips(self.store, normalize, Path(cache_dir or self.store.path / 'cache'))

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

    def __getitem__(self, request: int | ClipRequest) -> dict:
        """The batch of one clip."""
        return self.__getitems__([request])

    def __getitems__(self, requests: Sequence[int | ClipRequest]) -> dict:
        """The batch of several clips.

        Args:
            requests: What a sampler yields, or bare positions for pipelines without chance.
        """
        columns = torch.tensor([r if isinstance(r, tuple) else ClipRequest(int(r)) for r in requests]).T
        index, seed, epoch, is_padding = columns
        indices = self.indices[index.numpy()]
        keys = clip_keys(seed, epoch, index)
        inputs = dict(clips=self._clips.select(torch.from_numpy(indices)).pack(), keys=keys)
        if self._mates is not None:
            inputs['mates'] = self._clips.select(self._mates.draw(index, keys)).pack()
        data_samples = dict(labels=torch.from_numpy(self.store.labels[indices]), index=index)
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
    if 'path' not in draw:
        names = drawn_names(store.names[indices], store.labels[indices], **draw)
        return indices[np.isin(store.names[indices], names)]
    names = read_draw(**draw)
    missing = sorted(set(names) - set(store.names[indices].tolist()))
    if missing:
        raise StoreError(
            f'Label draws {draw["path"]} are of other clips: {len(missing)} of {len(names)} drawn ones, such as '
            f"{missing[0]!r}, are not in split '{split}' of {store.path}. Make draws of that split with "
            'tools/misc/make_draws.py.'
        )
    return indices[np.isin(store.names[indices], names)]
