"""What is evaluated: the backbones of a checkpoint, on the data and in the views of its config."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor

from mmskelssl.datasets import SkeletonDataset, get_layout
from mmskelssl.models.classifiers import SkeletonClassifier
from mmskelssl.models.classifiers.classifier import pretrained_backbone
from mmskelssl.registry import MODELS
from mmskelssl.utils.checkpoints import checkpoint_config
from mmskelssl.utils.config import ConfigError
from mmskelssl.utils.errors import CheckpointError, StoreError

_TIME = re.compile(r'_\d{8}_\d{6}$')


@dataclass(frozen=True)
class Subject:
    """A pre-trained checkpoint, ready for every protocol.

    Args:
        checkpoint: Its path.
        config: Name of its config, '' if unknown.
        epoch: Of pre-training, if known.
        method: Such as ``CMD``.
        backbone: Config of its backbones.
        layout: As the model's config has it.
        modalities: For which it has a backbone.
        train_set: Arguments of ``SkeletonDataset`` for the training side, without a pipeline.
        test_set: The same for the test side.
        train_view: How pre-training took frames out of a clip: the first transform of its views.
        test_pipeline: The view that is tested on.
        loader: ``num_workers`` and ``persistent_workers`` of the loaders of pre-training.
        is_transfer: Whether the data is another than that of pre-training.
    """

    checkpoint: str
    config: str
    epoch: int | None
    method: str
    backbone: dict
    layout: str | Mapping
    modalities: tuple[str, ...]
    train_set: dict
    test_set: dict
    train_view: dict
    test_pipeline: list[dict]
    loader: dict
    is_transfer: bool = False

    def dataset(self, side: str, pipeline: list[dict], draw: dict | None = None) -> SkeletonDataset:
        """The clips of a side (``train`` or ``test``) in the views of a pipeline."""
        return SkeletonDataset(**getattr(self, f'{side}_set'), pipeline=pipeline, draw=draw)

    @cached_property
    def test_clips(self) -> SkeletonDataset:
        """The test side in its view."""
        return self.dataset('test', self.test_pipeline)

    @cached_property
    def train_clips(self) -> SkeletonDataset:
        """The training side in the view of the test side: galleries, cached features."""
        return self.dataset('train', self.test_pipeline)

    def classifier(self, modality: str, pretrained: bool = True) -> dict:
        """Config of a classifier of the data's classes on the backbone of a modality."""
        return dict(
            type='SkeletonClassifier',
            backbone=self.backbone,
            head=dict(type='LinearHead', num_classes=len(self.test_clips.store.classes)),
            modality=modality,
            layout=self.layout,
            pretrained=self.checkpoint if pretrained else None,
        )

    def encoder(self, modality: str) -> SkeletonClassifier:
        """A frozen classifier with the backbone of a modality, in eval mode; only its features are of use."""
        model = MODELS.build(dict(self.classifier(modality, pretrained=False), frozen=True))
        model.backbone.load_state_dict(self._weights(modality))
        return model.eval()

    def weights_digest(self, modality: str) -> str:
        """SHA-256 of a backbone's weights and batch statistics."""
        return state_digest(self._weights(modality))

    def _weights(self, modality: str) -> dict[str, Tensor]:
        return pretrained_backbone(self.checkpoint, modality, MODELS.build(self.backbone))

    def check(self) -> None:
        """Refuses data that no protocol can evaluate on.

        Raises:
            StoreError: If the data has no two classes, another layout than the model, or clips on both sides.
        """
        test, train = self.test_clips, self.train_clips
        store = test.store.path
        if test.layout != get_layout(self.layout):
            raise StoreError(
                f"{store} has layout '{test.layout.name}', the checkpoint's model '{get_layout(self.layout).name}': "
                'backbones cannot be evaluated on other skeletons.'
            )
        if len(test.store.classes) < 2:
            raise StoreError(f'{store} has no labels to evaluate by: its classes are {test.store.classes}.')
        shared = set(train.names) & set(test.names)
        if shared:
            raise StoreError(
                f"{len(shared)} clips, such as '{sorted(shared)[0]}', are in both the training split "
                f"'{self.train_set.get('split')}' and the test split '{self.test_set.get('split')}': choose others."
            )


def state_digest(state: Mapping[str, Tensor]) -> str:
    """SHA-256 of named tensors."""
    digest = hashlib.sha256()
    for name, value in sorted(state.items()):
        digest.update(f'{name} {value.dtype} {tuple(value.shape)}\n'.encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def read_subject(
    checkpoint: str,
    config: Config | None = None,
    data: Config | None = None,
    store: str | None = None,
    modalities: Sequence[str] | None = None,
) -> Subject:
    """Finds out what a checkpoint is and what it was trained on.

    Args:
        checkpoint: Of a pre-trained method, or a classifier's.
        config: The config that it was trained with; by default the one that it carries.
        data: Config with ``train_set`` and ``test_set``, as in ``configs/_base_/sets/``: other data to
            evaluate on.
        store: Path of the clip store, where it is another than the config's.
        modalities: Which of the checkpoint's; by default all.

    Raises:
        CheckpointError: If the checkpoint is unreadable or carries no config and none is given.
        ConfigError: If the config does not say model, data or views.
    """
    loaded = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu', logger='silent')
    meta = loaded.get('meta', {})
    cfg = config or _own_config(loaded, checkpoint)
    name = Path(cfg.filename).stem if cfg.filename else _TIME.sub('', meta.get('experiment_name', ''))
    subject = replace(subject_of(cfg, checkpoint), config=name, epoch=meta.get('epoch'))
    if unknown := set(modalities or ()) - set(subject.modalities):
        raise CheckpointError(
            f'{checkpoint} has no {", ".join(sorted(unknown))}. It has {", ".join(subject.modalities)}.'
        )
    sides = dict(train_set=subject.train_set, test_set=subject.test_set)
    if data is not None:
        if not sides.keys() <= set(data):
            raise ConfigError('The config of --data does not say train_set and test_set.')
        # What the encoder learned on, whatever the other set's own recipe.
        kept = {key: subject.test_set[key] for key in ('num_persons', 'normalize') if key in subject.test_set}
        sides = {side: _plain(dict(data[side], **kept)) for side in sides}
    if store is not None:
        sides = {side: dict(arguments, store=store) for side, arguments in sides.items()}
    return replace(subject, **sides, modalities=tuple(modalities or subject.modalities), is_transfer=data is not None)


def subject_of(cfg: Config, checkpoint: str) -> Subject:
    """What the config of pre-training says of a checkpoint.

    Raises:
        ConfigError: If it does not say model, data or views.
    """
    try:
        model, train, test = cfg.model, cfg.train_dataloader, cfg.get('test_dataloader') or cfg.val_dataloader
    except AttributeError as error:
        raise ConfigError(
            f'The config of {checkpoint} does not say model, train_dataloader and test_dataloader: pass --config with '
            'the config of pre-training.'
        ) from error
    gallery = (cfg.get('test_cfg') or {}).get('gallery_dataloader', train)
    persons = model.backbone.get('num_persons')
    train_set, test_set = (
        {key: value for key, value in loader.dataset.items() if key not in ('type', 'pipeline')}
        | (dict(num_persons=persons) if persons else {})
        for loader in (gallery, test)
    )
    processor = model.get('data_preprocessor') or {}
    train_pipeline = train.dataset.get('pipeline') or processor.get('train_pipeline')
    test_pipeline = test.dataset.get('pipeline') or processor.get('test_pipeline')
    if not train_pipeline or not test_pipeline:
        raise ConfigError(
            f'The config of {checkpoint} has no pipelines of views: pass --config with the config of pre-training.'
        )
    return Subject(
        checkpoint=checkpoint,
        config='',
        epoch=None,
        method=model.type,
        backbone=_plain(model.backbone),
        layout=_plain(model.layout),
        modalities=tuple(model.get('modalities') or [model.modality]),
        train_set=_plain(train_set),
        test_set=_plain(test_set),
        train_view=_plain(train_pipeline[0].get('transforms', train_pipeline)[0]),
        test_pipeline=_plain(test_pipeline),
        loader={key: train[key] for key in ('num_workers', 'persistent_workers') if key in train},
    )


def _own_config(checkpoint: dict, path: str) -> Config:
    try:
        return checkpoint_config(checkpoint, path)
    except CheckpointError as error:
        raise CheckpointError(f'{error} Here: --config CONFIG.') from error


def _plain(config: object) -> object:
    """Config entries as plain dicts and lists."""
    if isinstance(config, Mapping):
        return {key: _plain(value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(map(_plain, config))
    return config
