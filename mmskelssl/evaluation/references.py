"""What a pre-trained encoder has to beat, as checkpoints that are evaluated like any other."""

from __future__ import annotations

from pathlib import Path

import torch
from mmengine.config import Config

from mmskelssl.evaluation.reading import model_of
from mmskelssl.registry import MODELS
from mmskelssl.utils.config import model_config
from mmskelssl.utils.files import written_beside
from mmskelssl.utils.quiet import without_list_of_parameters

REFERENCES = {'raw': 'raw coordinates', 'random': 'random encoder'}


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
    meta = dict(cfg=cfg.pretty_text, method=REFERENCES[kind])
    with written_beside(path) as beside:
        torch.save(dict(state_dict=model.state_dict(), meta=meta), beside)
