"""Models and features for notebooks and tools."""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection, Iterable, Sequence

import numpy as np
import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.model import BaseModel
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor
from torch.utils.data import Dataset

from mmskelssl.converters.convert import drop_empty_persons
from mmskelssl.converters.messages import shown
from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.clip_store import ClipStore, check_clip
from mmskelssl.datasets.keyed_random import clip_keys
from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.datasets.sampler import ClipRequest
from mmskelssl.datasets.skeleton_dataset import SkeletonDataset
from mmskelssl.deployment import ExportedModel
from mmskelssl.deployment.graph import SCORES
from mmskelssl.evaluation.features import encode
from mmskelssl.evaluation.zoo import find_config, find_weights
from mmskelssl.registry import MODELS, TRANSFORMS
from mmskelssl.utils.checkpoints import check_weights, checkpoint_config
from mmskelssl.utils.config import model_config
from mmskelssl.utils.errors import ClipError, ConfigError
from mmskelssl.utils.quiet import without_list_of_parameters
from mmskelssl.utils.setup import register_all_modules

# Clips that are read at once for an exported model, so that a large store need not fit into memory.
_CHUNK = 1024


def init_model(
    config: str | os.PathLike | Config | None,
    checkpoint: str | os.PathLike | None = None,
    device: str | None = None,
    pretrained: bool = False,
) -> BaseModel:
    """Builds the model of a config, in eval mode; the model keeps the config as ``model.cfg``.

    Args:
        config: Config, its path, or one of the names of :func:`list_models`; None takes the one in the checkpoint.
        checkpoint: Weights of exactly this model; None leaves it as initialized.
        device: Where it goes; by default the accelerator, if there is one.
        pretrained: Whether ``config`` is one of ``list_models(pretrained=True)``, whose weights come with the package;
            ``model.card`` says how they were made and what they reach.

    Raises:
        CheckpointError: If the checkpoint is unreadable, of another architecture, or has to bring the config and has
            none.
        ConfigError: If neither is given, or there is no such config.

    Examples:
        >>> model = init_model('skeletonclr_bigru64_1xb64-30e_synthetic-xsub', device='cpu')  # weights as initialized
        >>> list(model.encoder)
        ['motion']
    """
    register_all_modules()
    if pretrained:
        config, checkpoint = None, find_weights(str(config))
    if config is None and checkpoint is None:
        raise ConfigError('A model needs a config, or a checkpoint that carries one.')
    loaded = {} if checkpoint is None else CheckpointLoader.load_checkpoint(str(checkpoint), 'cpu', logger='silent')
    if config is None:
        cfg = checkpoint_config(loaded, str(checkpoint))
    else:
        cfg = config if isinstance(config, Config) else Config.fromfile(find_config(config))
    model = MODELS.build(model_config(cfg))
    if checkpoint is None:
        with without_list_of_parameters():
            model.init_weights()
    else:
        weights = loaded.get('state_dict', loaded)
        check_weights(weights, model, str(checkpoint))
        model.load_state_dict(weights)
    model.cfg = cfg
    model.dataset_meta = loaded.get('meta', {}).get('dataset_meta', {})
    model.card = loaded.get('meta', {}).get('card', {})
    return model.to(device or get_device()).eval()


def extract_features(
    model: BaseModel | ExportedModel,
    data: Dataset | Sequence[np.ndarray] | np.ndarray | ClipStore | str | os.PathLike,
    split: str | None = None,
) -> dict[str, Tensor | dict[str, Tensor]]:
    """Encodes clips, in the view by which the model's config tests.

    Args:
        model: Of :func:`init_model`, or an exported one.
        data: Clips (M, T, V, C) or (T, V, C) in metres, or one; a clip store or its path; or a ``SkeletonDataset``. A
            warning says so where clips have more persons than the model takes.
        split: Split of the store; by default all clips.

    Returns:
        ``features``, stream to (N, D), and, of a store, ``labels`` (N,); all on the CPU.

    Raises:
        ClipError: If a clip does not fit the model's layout, or there are no clips.
        StoreError: If the store is unreadable or has no such split.
        ConfigError: If the model does not know how it tests, or the store has another layout than the model.

    Examples:
        >>> model = init_model('skeletonclr_bigru64_1xb64-30e_synthetic-xsub', device='cpu')
        >>> clips = [np.ones((1, 40, 25, 3)), np.ones((2, 90, 25, 3))]  # persons, frames, joints, metres
        >>> extract_features(model, clips)['features']['motion'].shape
        torch.Size([2, 128])
    """
    dataset = as_dataset(model, data, split)
    features = encode_dataset(model, dataset)
    labels = dict(labels=torch.from_numpy(dataset.labels)) if isinstance(dataset, SkeletonDataset) else {}
    return dict(features=features, **labels)


def encode_dataset(model: BaseModel | ExportedModel, dataset: Dataset, with_scores: bool = False) -> dict[str, Tensor]:
    """Stream to (N, D) on the CPU, of the clips of :func:`as_dataset`; or ``scores`` (N, classes) of a classifier."""
    if isinstance(model, ExportedModel):
        indices = range(len(dataset))  # type: ignore[arg-type]  # ours have a length
        chunks = [indices[i : i + _CHUNK] for i in range(0, len(indices), _CHUNK)]
        parts = [
            model.encode(dataset.__getitems__([ClipRequest(i) for i in chunk])['inputs']['clips'].unpack())  # type: ignore
            for chunk in chunks
        ]
        names = [SCORES] if with_scores else model.streams
        return {name: torch.cat([part[name] for part in parts]) for name in names}
    encoded = encode(model, dataset, 'predict' if with_scores else 'tensor')
    return {name: values[0] for name, values in encoded.items()}


def as_dataset(
    model: BaseModel | ExportedModel,
    data: Dataset | Sequence[np.ndarray] | np.ndarray | ClipStore | str | os.PathLike,
    split: str | None = None,
) -> Dataset:
    """Clips as a data set, normalized as the model's config has it; arguments as above."""
    if isinstance(data, Dataset):
        return data
    if isinstance(data, (str, os.PathLike, ClipStore)):
        store = data if isinstance(data, ClipStore) else ClipStore(data)
        if store.layout != model.layout:
            raise ConfigError(
                f"{store.path} has layout '{store.layout.name}', the model '{model.layout.name}': give a store of that "
                'layout.'
            )
        _note_persons_left_out(store.num_persons, model)
        return SkeletonDataset(store.path, split, normalizations(model))
    if not isinstance(data, Iterable):
        raise ClipError(
            f'{shown(data)} is not what is taken: clips (M, T, V, C) or (T, V, C), or a clip store or its path.'
        )
    clips = [np.asarray(clip) for clip in ([data] if getattr(data, 'ndim', 0) in (3, 4) else data)]
    if not clips:
        raise ClipError('There are no clips to encode.')
    dataset = _ClipsInMemory(
        [clip[None] if clip.ndim == 3 else clip for clip in clips], model.layout, normalizations(model)
    )
    _note_persons_left_out([len(clip) for clip in dataset.clips], model)
    return dataset


def _note_persons_left_out(num_persons: Collection[int], model: BaseModel | ExportedModel) -> None:
    more = sum(number > model.num_persons for number in num_persons)
    if more:
        warnings.warn(
            f'The model takes {model.num_persons} person(s) per clip: further ones are left out of {more} of '
            f'{len(num_persons)} clips.',
            stacklevel=4,
        )


def normalizations(model: BaseModel | ExportedModel) -> Sequence[dict]:
    """The normalizations of test data, as the model's config has them; none for an exported one, which has them inside.

    Raises:
        ConfigError: If the model does not know them.
    """
    if isinstance(model, ExportedModel):
        return ()
    cfg = getattr(model, 'cfg', {})
    loaders = [cfg[name] for name in ('test_dataloader', 'val_dataloader') if cfg.get(name)]
    if not loaders:
        raise ConfigError(
            'The model does not know how its clips are tested: make it by init_model from a config that has a '
            'test_dataloader, or hand over a SkeletonDataset.'
        )
    return loaders[0].dataset.get('normalize') or ()


class _ClipsInMemory(Dataset):
    """Serves clips (M, T, V, C) as a :class:`SkeletonDataset` would serve them from a store, but without labels."""

    def __init__(self, clips: Sequence[np.ndarray], layout: SkeletonLayout, normalize: Sequence[dict]) -> None:
        self.clips = [drop_empty_persons(np.asarray(clip)) for clip in clips]
        for number, clip in enumerate(self.clips):
            check_clip(f'number {number}', clip, layout)
        self.layout = layout
        self.normalize = [TRANSFORMS.build(step) for step in normalize]

    def __len__(self) -> int:
        return len(self.clips)

    def __getitems__(self, requests: Sequence[ClipRequest]) -> dict:
        index, seed, epoch, _ = torch.tensor(requests).T
        clips = ClipBatch.of([self.clips[position] for position in index.tolist()])
        for step in self.normalize:
            clips = step.normalize(clips, self.layout)
        return dict(inputs=dict(clips=clips, keys=clip_keys(seed, epoch, index)), data_samples=dict(index=index))
