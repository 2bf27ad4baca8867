"""Models and features for notebooks and tools."""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import is_main_process
from mmengine.model import BaseModel
from mmengine.runner.checkpoint import CheckpointLoader

from mmskelssl.registry import MODELS
from mmskelssl.utils.checkpoint import check_weights
from mmskelssl.utils.progress import track
from mmskelssl.utils.setup_env import register_all_modules


def init_model(
    config: str | os.PathLike | Config, checkpoint: str | os.PathLike | None = None, device: str | None = None
) -> BaseModel:
    """Builds the model of a config, in eval mode.

    Args:
        config: Config, or its path.
        checkpoint: Weights of exactly this model; None leaves it as initialized.
        device: Where it goes; by default the accelerator, if there is one.

    Raises:
        CheckpointError: If the checkpoint is unreadable or of another architecture.
    """
    register_all_modules()
    cfg = config if isinstance(config, Config) else Config.fromfile(config)
    model = MODELS.build(cfg.model)
    if checkpoint is None:
        model.init_weights()
    else:
        loaded = CheckpointLoader.load_checkpoint(str(checkpoint), map_location='cpu')
        weights = loaded.get('state_dict', loaded)
        check_weights(weights, model, str(checkpoint))
        model.load_state_dict(weights)
    return model.to(device or get_device()).eval()


@torch.no_grad()
def extract_features(model: BaseModel, batches: Iterable[dict]) -> dict[str, torch.Tensor | dict[str, torch.Tensor]]:
    """Encodes all clips of a loader.

    Args:
        model: Of :func:`init_model`.
        batches: Loader over a ``SkeletonDataset``.

    Returns:
        ``features``, modality to (N, D), and the data samples ``labels`` (N,) and ``index`` (N,), on the CPU.
    """
    model.eval()
    total = len(batches) if hasattr(batches, '__len__') else None
    features, samples = [], []
    for batch in track(batches, total, 'Encoding') if is_main_process() else batches:
        data = model.data_preprocessor(batch, False)
        features.append({name: value.cpu() for name, value in model(**data, mode='tensor').items()})
        samples.append({name: value.cpu() for name, value in data['data_samples'].items()})
    return dict(features=_concatenated(features), **_concatenated(samples))


def _concatenated(parts: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
