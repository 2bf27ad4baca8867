"""The folder of an evaluation, and what its protocols share in it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np

from mmskelssl.datasets.label_draws import names_digest
from mmskelssl.evaluation.arrays import load_arrays
from mmskelssl.evaluation.features import FeatureKey, Features, cached_features, view_text
from mmskelssl.evaluation.pretrained_model import PretrainedModel


class Workspace:
    """Features and predictions of one model.

    Args:
        model: What is evaluated.
        root: Folder: ``features/`` and one folder for each protocol and modality.
    """

    def __init__(self, model: PretrainedModel, root: Path) -> None:
        self.model = model
        self.root = root
        self.weights = cache(model.weights_digest)

    def folder(self, protocol: str, modality: str) -> Path:
        """Where a protocol keeps what it has of a modality."""
        return self.root / protocol / modality

    def features(
        self, modality: str, side: str, pipeline: list[dict] | None = None, num_crops: int = 1, seed: int = 0
    ) -> tuple[Features, Path]:
        """Features of a side of the data, by default in the test view, and the file that holds them."""
        model = self.model
        dataset = model.dataset(side)
        normalize = getattr(model, f'{side}_set').get('normalize') or ()
        key = FeatureKey(
            weights=self.weights(modality),
            modality=modality,
            backbone=json.dumps(model.streams[modality], sort_keys=True, default=str),
            store=dataset.store.digest,
            clips=names_digest(dataset.names),
            views=view_text(pipeline or model.test_pipeline, normalize),
            num_persons=model.num_persons,
            num_crops=num_crops,
            seed=seed,
        )
        return cached_features(self.root / 'features', key, lambda: model.encoder(modality, pipeline), dataset)

    def predictions(self, protocol: str, modality: str) -> dict[str, np.ndarray]:
        """``names``, ``labels`` and ``scores`` (runs, N, K) of a protocol that was run."""
        return load_arrays(self.folder(protocol, modality) / 'predictions.npz', 'names', 'labels', 'scores')
