"""From a checkpoint and its config to what is evaluated."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mmengine.config import Config
from mmengine.runner.checkpoint import CheckpointLoader

from mmskelssl.evaluation.pretrained_model import PretrainedModel
from mmskelssl.utils.checkpoint import checkpoint_config
from mmskelssl.utils.config import ConfigError
from mmskelssl.utils.errors import CheckpointError

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
    model = replace(model_of(cfg, checkpoint), config=name, epoch=meta.get('epoch'))
    if unknown := set(modalities or ()) - set(model.modalities):
        raise CheckpointError(
            f'{checkpoint} has no {", ".join(sorted(unknown))}. It has {", ".join(model.modalities)}.'
        )
    sides = dict(train_set=model.train_set, test_set=model.test_set)
    if data is not None:
        if not sides.keys() <= set(data):
            raise ConfigError('The config of --data does not say train_set and test_set.')
        # What the encoder learned on, whatever the other set's own recipe.
        kept = {key: model.test_set[key] for key in ('num_persons', 'normalize') if key in model.test_set}
        sides = {side: _plain(dict(data[side], **kept)) for side in sides}
    if store is not None:
        sides = {side: dict(arguments, store=store) for side, arguments in sides.items()}
    return replace(model, **sides, modalities=tuple(modalities or model.modalities), is_transfer=data is not None)


def model_of(cfg: Config, checkpoint: str) -> PretrainedModel:
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
    return PretrainedModel(
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
