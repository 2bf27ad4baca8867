"""From a checkpoint and its config to what is evaluated."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner.checkpoint import CheckpointLoader

from mmskelssl.evaluation.pretrained_model import PretrainedModel
from mmskelssl.registry import TRANSFORMS
from mmskelssl.utils.checkpoints import checkpoint_config
from mmskelssl.utils.config import model_config
from mmskelssl.utils.errors import CheckpointError, ConfigError

# Such a method was told more than others: which clips show the same performance.
OTHER_CAMERAS = ', other cameras as positives'
_TIME = re.compile(r'_\d{8}_\d{6}$')


def read_pretrained(
    checkpoint: str,
    config: Config | None = None,
    data: Config | None = None,
    store: str | None = None,
    modalities: Sequence[str] | None = None,
) -> PretrainedModel:
    """Finds out what a checkpoint is and what it was trained on.

    Args:
        checkpoint: Of a pre-trained method, or a classifier's.
        config: The config that it was trained with; by default the one that it carries.
        data: Config with ``train_dataloader`` and ``test_dataloader``, as in ``configs/_base_/sets/``: other data to
            evaluate on.
        store: Path of the clip store, where it is another than the config's.
        modalities: Which of the checkpoint's streams; by default all.

    Raises:
        CheckpointError: If the checkpoint is unreadable or carries no config and none is given.
        ConfigError: If the config does not say model, data or views.
    """
    loaded = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu', logger='silent')
    meta = loaded.get('meta', {})
    cfg = config or _own_config(loaded, checkpoint)
    name = Path(cfg.filename).stem if cfg.filename else _TIME.sub('', meta.get('experiment_name', ''))
    model = replace(model_of(cfg, checkpoint), config=name, epoch=meta.get('epoch'), seed=meta.get('seed'))
    model = replace(model, method=meta.get('method', model.method))
    if unknown := set(modalities or ()) - set(model.streams):
        raise CheckpointError(f'{checkpoint} has no {", ".join(sorted(unknown))}. It has {", ".join(model.streams)}.')
    sides = [model.train_set, model.test_set]
    if data is not None:
        # What the encoder learned on, whatever the other set's own recipe.
        kept = _chosen(model.test_set, 'normalize')
        sides = [dict(side, **kept) for side in _sides(data, 'The config of --data')]
    if store is not None:
        sides = [dict(side, store=store) for side in sides]
    train_set, test_set = sides
    streams = {stream: model.streams[stream] for stream in modalities or model.streams}
    return replace(model, train_set=train_set, test_set=test_set, streams=streams, is_transfer=data is not None)


def pretraining_config(checkpoint: str) -> Config:
    """The config that a checkpoint carries.

    Raises:
        CheckpointError: If the checkpoint is unreadable or carries none.
    """
    return _own_config(CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu', logger='silent'), checkpoint)


def model_of(cfg: Config, checkpoint: str) -> PretrainedModel:
    """What the config of pre-training says of a checkpoint.

    Raises:
        ConfigError: If it does not say model, data or views.
    """
    whose = f'The config of {checkpoint}'
    remedy = 'pass --config with the config of pre-training.'
    if 'model' not in cfg:
        raise ConfigError(f'{whose} does not say model: {remedy}')
    model = model_config(cfg)
    views = model.get('data_preprocessor') or {}
    if not views.get('train_pipeline') or not views.get('test_pipeline'):
        raise ConfigError(f'{whose} does not say train_pipeline and test_pipeline of data_preprocessor: {remedy}')
    train_set, test_set = _sides(cfg, whose)
    first = _first_view(views['train_pipeline'])
    return PretrainedModel(
        checkpoint=checkpoint,
        config='',
        epoch=None,
        method=model['type'] + (OTHER_CAMERAS if cfg.train_dataloader.dataset.get('mates') else ''),
        streams=_plain(_streams(model)),
        layout=_plain(model.get('layout', 'ntu25')),
        num_persons=model.get('num_persons', 2),
        train_set=train_set,
        test_set=test_set,
        train_view=_plain(_cut(first)),
        augmented_view=_plain(first),
        test_pipeline=_plain(views['test_pipeline']),
        loader=_chosen(cfg.train_dataloader, 'num_workers', 'persistent_workers'),
    )


def _sides(cfg: Config, whose: str) -> list[dict]:
    """Arguments of the data sets of a config: that of the training side and that of the test side."""
    train, test = cfg.get('train_dataloader'), cfg.get('test_dataloader') or cfg.get('val_dataloader')
    if not train or not test:
        raise ConfigError(
            f'{whose} does not say train_dataloader and test_dataloader: pass --config with the config of '
            'pre-training, or --data with one of configs/_base_/sets/.'
        )
    gallery = (cfg.get('test_cfg') or {}).get('gallery_dataloader', train)
    return [
        {key: value for key, value in _plain(loader.dataset).items() if key not in ('type', 'mates')}
        for loader in (gallery, test)
    ]


def _streams(model: Mapping) -> dict[str, dict]:
    """Name to modality and backbone, as the constructors of methods and classifiers take them."""
    names = [model['modality']] if 'modality' in model else model.get('modalities', ['joint'])
    return {
        name: dict(dict(modality=name, backbone=model.get('backbone')), **_chosen(stream, 'modality', 'backbone'))
        for name, stream in (model.get('streams') or dict.fromkeys(names, {})).items()
    }


def _chosen(section: Mapping, *keys: str) -> dict:
    return {key: section[key] for key in keys if key in section}


def _first_view(pipeline: Sequence) -> list[Mapping]:
    """The steps of a view, of the first one of several."""
    first = pipeline[0]
    if not isinstance(first, Mapping):
        return _first_view(first)
    return _first_view(first['transforms']) if 'transforms' in first else list(pipeline)


def _cut(view: list[Mapping]) -> list[Mapping]:
    """The steps of a view up to that which takes frames out of a clip."""
    kinds = [TRANSFORMS.get(step['type']) for step in view]
    last = next(i for i, kind in enumerate(kinds) if getattr(kind, 'gives', 'views') == 'views')
    return view[: last + 1]


def _own_config(checkpoint: dict, path: str) -> Config:
    try:
        return checkpoint_config(checkpoint, path)
    except CheckpointError as error:
        raise CheckpointError(f'{error} Here: --config CONFIG.') from error


def _plain(config: Any) -> Any:
    """Config entries as plain dicts and lists."""
    if isinstance(config, Mapping):
        return {key: _plain(value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(map(_plain, config))
    return config
