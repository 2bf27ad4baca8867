"""Features of all clips of a side, computed once and kept on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from mmengine.device import get_device
from torch import Tensor
from torch.utils.data import DataLoader

from mmskelssl.datasets import SkeletonDataset, batch_collate
from mmskelssl.datasets.sampler import ClipDraw
from mmskelssl.evaluation.arrays import load_arrays, save_arrays
from mmskelssl.models.classifiers import SkeletonClassifier
from mmskelssl.utils.errors import ReportError
from mmskelssl.utils.progress import track
from mmskelssl.version import __version__

_BATCH = 256


@dataclass(frozen=True)
class FeatureKey:
    """What features hang on.

    Args:
        weights: Digest of the backbone's weights.
        modality: Of the backbone.
        backbone: Its config as text.
        store: Digest of the clip store.
        clips: Digest of the clips' names.
        views: Normalizations and transforms as text.
        num_persons: Persons of a view.
        num_crops: Views of a clip.
        seed: Of the views.
        version: Of the package.
    """

    weights: str
    modality: str
    backbone: str
    store: str
    clips: str
    views: str
    num_persons: int
    num_crops: int
    seed: int
    version: str = __version__

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Features:
    """Features by clip.

    Args:
        names: (N,) clip names.
        labels: (N,) int64.
        values: (R, N, D) float32, R views of each clip.
    """

    names: np.ndarray
    labels: Tensor
    values: Tensor


def cached_features(
    folder: Path,
    key: FeatureKey,
    encoder: Callable[[str], SkeletonClassifier],
    dataset: SkeletonDataset,
) -> tuple[Features, Path]:
    """Features from the file that has them, or computed and kept there.

    The file is named by its key, so other weights, data or views are another file; the key is in the file too, and
    checked.

    Args:
        folder: Of the files.
        key: What the features hang on.
        encoder: Gives the model of a modality.
        dataset: The clips.

    Raises:
        ReportError: If the file is damaged or of another key.
        OSError: If it cannot be written.
    """
    path = folder / f'{key.modality}-{key.digest[:16]}.npz'
    if not path.exists():
        values = encode(encoder(key.modality), dataset, key.num_crops, key.seed)
        # One view a clip is the common case, and (N, D) what other programs expect.
        features = values[0] if key.num_crops == 1 else values
        save_arrays(
            path,
            names=dataset.names,
            labels=dataset.labels,
            features=features.numpy(),
            key=np.array(json.dumps(asdict(key))),
        )
    return load_features(path, key), path


def load_features(path: Path, key: FeatureKey | None = None) -> Features:
    """Reads features.

    Args:
        path: File of :func:`cached_features`.
        key: What they have to hang on; None takes any.

    Raises:
        ReportError: If the file is damaged, or of other weights, data or views; the message says which.
    """
    arrays = load_arrays(path, 'names', 'labels', 'features', 'key')
    found = json.loads(str(arrays['key']))
    unlike = [] if key is None else [name for name, value in asdict(key).items() if found.get(name) != value]
    if unlike:
        raise ReportError(f'Features {path} are of another {", ".join(unlike)}: delete the file, or take its own.')
    values = torch.from_numpy(arrays['features'])
    return Features(arrays['names'], torch.from_numpy(arrays['labels']), values if values.ndim == 3 else values[None])


@torch.no_grad()
def encode(model: SkeletonClassifier, dataset: SkeletonDataset, num_crops: int = 1, seed: int = 0) -> Tensor:
    """(R, N, D) features of ``num_crops`` views of each clip; the r-th is that of epoch r."""
    device = get_device()
    model = model.to(device).eval()
    draws = [ClipDraw(index, seed, epoch) for epoch in range(num_crops) for index in range(len(dataset))]
    loader = DataLoader(dataset, batch_size=_BATCH, sampler=draws, collate_fn=batch_collate)
    parts = []
    for batch in track(loader, len(loader), f'Encoding {model.modality}'):
        data = model.data_preprocessor(batch, False)
        parts.append(model(**data, mode='tensor')[model.modality].float().cpu())
    return torch.cat(parts).unflatten(0, (num_crops, len(dataset)))


def view_text(dataset: SkeletonDataset, normalize: Sequence[dict]) -> str:
    """Normalizations and transforms of a dataset in words."""
    steps = [f'{step["type"]}({", ".join(f"{k}={v}" for k, v in step.items() if k != "type")})' for step in normalize]
    return ' > '.join([*steps, *map(repr, dataset.pipeline.pipeline.transforms)])
