"""What a pre-trained encoder has to beat, as checkpoints that are evaluated like any other."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from mmengine.config import Config

from mmskelssl.evaluation.pretrained_model import PretrainedModel
from mmskelssl.evaluation.processes import written_once
from mmskelssl.evaluation.protocols import (
    Ensemble,
    FeatureProbe,
    LogisticProbe,
    NearestNeighbours,
    Protocol,
    TrainedClassifier,
)
from mmskelssl.evaluation.reading import model_of, read_pretrained
from mmskelssl.registry import MODELS, TRANSFORMS
from mmskelssl.utils.config import model_config
from mmskelssl.utils.errors import ConfigError
from mmskelssl.utils.files import written_beside
from mmskelssl.utils.quiet import without_list_of_parameters

REFERENCES = {'raw': 'raw coordinates', 'random': 'random encoder'}
_CENTRE = dict(type='CenterClip')
# Coordinates share a direction, the mean pose: without it their neighbours are mostly better.
_CENTRED = 'knn-centred'
# Coordinates are about ten times as large as an encoder's features.
_RAW_LEARNING_RATE = 0.1


@dataclass(frozen=True)
class Reference:
    """What stands beside a checkpoint's results.

    Args:
        name: Of its folder.
        model: Without pre-training, on the checkpoint's data.
        protocols: Those of the checkpoint's that cost little, as they fit this model.
    """

    name: str
    model: PretrainedModel
    protocols: list[Protocol]


def references_of(
    model: PretrainedModel,
    cfg: Config,
    protocols: Sequence[Protocol],
    folder: Path,
    load: Callable[[str], Protocol],
    seed: int = 0,
) -> list[Reference]:
    """Raw coordinates, in the normalization of the data and in ``CenterClip``, and the encoder without training.

    Args:
        model: What they are compared with; they see its data, and the random encoder has its streams.
        cfg: Of its pre-training.
        protocols: By which it is evaluated.
        folder: For their checkpoints.
        load: Gives a protocol by its name; raises a ConfigError if there is none.
        seed: Of the random weights.

    Raises:
        ConfigError: If the config does not say model, data or views.
    """
    fast = list({step.name: step for protocol in protocols for step in cheap_forms(protocol, load)}.values())
    if not fast:
        return []
    random = replace(_read('random', model, cfg, folder, seed), streams=dict(model.streams))
    raw = _read('raw', model, cfg, folder, seed)
    alone = [_for_coordinates(protocol) for protocol in fast if not isinstance(protocol, Ensemble)]
    if any(protocol.name == 'knn' for protocol in alone) and all(protocol.name != _CENTRED for protocol in alone):
        alone += _found(load, _CENTRED)
    found = [Reference('raw', raw, alone), Reference(f'random-seed{seed}', random, fast)]
    centred = _centred(raw)
    is_other = list(raw.test_set.get('normalize') or ()) + raw.test_pipeline != centred.test_pipeline
    return [*found, Reference('raw-centerclip', centred, alone)] if is_other else found


def cheap_forms(protocol: Protocol, load: Callable[[str], Protocol]) -> list[Protocol]:
    """A protocol's form for references: itself on fixed features, ``{name}-fast`` of a linear one, or none."""
    if isinstance(protocol, Ensemble):
        members = cheap_forms(protocol.member, load)
        kind = protocol.name.removeprefix(f'{protocol.member.name}-')
        return [
            *members,
            *(
                Ensemble(f'{member.name}-{kind}', protocol.cfg, member, protocol.modalities, protocol.weights)
                for member in members
            ),
        ]
    if isinstance(protocol, (NearestNeighbours, FeatureProbe, LogisticProbe)):
        return [protocol]
    if isinstance(protocol, TrainedClassifier) and protocol.name.startswith('linear'):
        return _found(load, f'{protocol.name}-fast')
    return []


def _found(load: Callable[[str], Protocol], name: str) -> list[Protocol]:
    try:
        return [load(name)]
    except ConfigError:  # of a protocol of the user's there is no such form
        return []


def write_reference(kind: str, cfg: Config, seed: int, path: Path) -> None:
    """Writes a checkpoint, with its config in it.

    Args:
        kind: ``random``: the config's model as it is initialized. ``raw``: no encoder, the coordinates of the test view
            are the feature.
        cfg: Of pre-training: data and views, and the encoder.
        seed: Of the random weights.
        path: The file.

    Raises:
        ConfigError: If the config does not say model, data or views.
    """
    described = model_of(cfg, str(path))
    if kind == 'raw':
        cfg = Config({key: value for key, value in cfg.items() if key != 'model'})
        cfg.model = dict(
            type='SkeletonClassifier',
            backbone=dict(type='RawCoordinates', num_frames=described.num_frames),
            head=dict(type='LinearHead', num_classes=2),
            modality='joint',
            layout=described.layout,
            num_persons=described.num_persons,
        )
    with torch.random.fork_rng(), without_list_of_parameters():
        torch.manual_seed(seed)
        model = MODELS.build(model_config(cfg))
        model.init_weights()
    method = REFERENCES[kind] + (f', seed {seed}' if kind == 'random' else '')
    with written_beside(path) as beside:
        torch.save(dict(state_dict=model.state_dict(), meta=dict(cfg=cfg.pretty_text, method=method)), beside)


def _read(kind: str, model: PretrainedModel, cfg: Config, folder: Path, seed: int) -> PretrainedModel:
    path = folder / f'{kind}.pth'
    written_once(lambda: write_reference(kind, cfg, seed, path))
    return replace(
        read_pretrained(str(path)),
        train_set=model.train_set,
        test_set=model.test_set,
        is_transfer=model.is_transfer,
        config=model.config,
        loader=model.loader,
    )


def _centred(raw: PretrainedModel) -> PretrainedModel:
    """The same clips in ``CenterClip`` and no other normalization, made with the views: no copy of the store."""
    return replace(
        raw,
        train_set=dict(raw.train_set, normalize=[]),
        test_set=dict(raw.test_set, normalize=[]),
        train_view=[_CENTRE, *_views_alone(raw.train_view)],
        augmented_view=[_CENTRE, *_views_alone(raw.augmented_view)],
        test_pipeline=[_CENTRE, *_views_alone(raw.test_pipeline)],
        method=f'{raw.method}, {_CENTRE["type"]}',
    )


def _views_alone(pipeline: list[dict]) -> list[dict]:
    return [step for step in pipeline if getattr(TRANSFORMS.get(step['type']), 'gives', 'views') == 'views']


def _for_coordinates(protocol: Protocol) -> Protocol:
    """A probe with a smaller learning rate; any other protocol, and one that normalizes features, as it is."""
    if not isinstance(protocol, FeatureProbe) or protocol.cfg.model.get('head', {}).get('norm'):
        return protocol
    probe = copy.copy(protocol)
    probe.cfg = copy.deepcopy(protocol.cfg)
    optimizer = probe.cfg.optim_wrapper.optimizer
    optimizer.lr = float(f'{optimizer.lr * _RAW_LEARNING_RATE:g}')
    return probe
