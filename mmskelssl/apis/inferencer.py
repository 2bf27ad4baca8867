"""From recordings to labels or to the most similar clips, in one call."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from mmengine.config import Config
from mmengine.model import BaseModel
from torch import Tensor

from mmskelssl.apis.inputs import Inputs, named_clips
from mmskelssl.apis.models import as_dataset, encode_dataset, init_model
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.deployment import ExportedModel, is_exported
from mmskelssl.evaluation.functional import nearest
from mmskelssl.registry import INFERENCERS
from mmskelssl.utils.errors import ConfigError


@dataclass(frozen=True)
class Classification:
    """The most probable classes of a clip, best first.

    Args:
        name: Of the clip.
        labels: Names of the classes.
        scores: Their probabilities.
    """

    name: str
    labels: list[str]
    scores: list[float]


@dataclass(frozen=True)
class Neighbours:
    """The clips most similar to a clip, nearest first.

    Args:
        name: Of the clip.
        names: Of its neighbours.
        labels: Names of their classes.
        similarities: Cosine of the angle between the features, -1 to 1.
    """

    name: str
    names: list[str]
    labels: list[str]
    similarities: list[float]


@dataclass(frozen=True)
class Speed:
    """How fast clips were encoded: normalization, view and model, without reading files.

    Args:
        clips: How many.
        seconds: For all.
    """

    clips: int
    seconds: float

    def __str__(self) -> str:
        rate, s = self.clips / self.seconds, 's' * (self.clips != 1)
        return f'{self.clips} clip{s} in {self.seconds:.2f} s: {rate:,.0f} clips/s, {1e3 / rate:,.1f} ms per clip'


@INFERENCERS.register_module()
class SkeletonInferencer:
    """Classifies clips, or finds their nearest neighbours among the clips of a store.

    ``INFERENCERS.build(dict(type='mmskelssl.SkeletonInferencer', ...))`` makes one, too.

    Args:
        config: Config, its path, or one of :func:`list_models`; None takes the one in the checkpoint.
        checkpoint: Its weights; or a file that ``tools/deployment/export.py`` wrote, which needs no config.
        device: Where the model goes; by default the accelerator, if there is one. Exported files choose themselves.
        gallery: Store (or its path) whose clips are the neighbours to find; a model without a classifier needs one.
        gallery_split: Split of the gallery; by default all of its clips.
        stream: Whose features neighbours are sought by; by default the model's first.
        pretrained: Whether ``config`` is the name of weights that come with the package.

    Attributes:
        model: What encodes the clips.
        speed: Of the last call; None before it.

    Raises:
        CheckpointError, ConfigError, StoreError: As :func:`init_model` and :func:`extract_features`.
    """

    speed: Speed | None = None

    def __init__(
        self,
        config: str | os.PathLike | Config | None = None,
        checkpoint: str | os.PathLike | None = None,
        device: str | None = None,
        gallery: ClipStore | str | os.PathLike | None = None,
        gallery_split: str | None = None,
        stream: str | None = None,
        pretrained: bool = False,
    ) -> None:
        self.model: BaseModel | ExportedModel
        if checkpoint is not None and is_exported(checkpoint):
            self.model = ExportedModel(checkpoint)
        else:
            self.model = init_model(config, checkpoint, device, pretrained)
        known = list(self.model.streams)
        self.stream = stream or known[0]
        if self.stream not in known:
            raise ConfigError(f"The model has no stream '{self.stream}': its streams are {known}.")
        self.gallery = gallery if gallery is None or isinstance(gallery, ClipStore) else ClipStore(gallery)
        if self.gallery is not None:
            indices = slice(None) if gallery_split is None else self.gallery.split(gallery_split)
            self._gallery_names = self.gallery.names[indices]
            self._gallery_labels = self.gallery.labels[indices]
            self._gallery_features = self._encoded(self.gallery, self.stream, gallery_split)

    @property
    def is_classifier(self) -> bool:
        """Whether the model gives scores of classes."""
        return isinstance(self.model, ExportedModel) and self.model.is_classifier or hasattr(self.model, 'head')

    def __call__(self, inputs: Inputs, k: int = 5) -> list[Classification] | list[Neighbours]:
        """Classes of clips by a classifier, neighbours by a pre-trained model.

        Args:
            inputs: A clip (M, T, V, C) or (T, V, C) in metres, as array, tensor or nested list; a batch
                (N, M, T, V, C); a raw NTU file (``.skeleton``); a NumPy file (``.npy``) of a clip or batch; an
                annotation of PYSKL, a dict with ``keypoint``; a list of these; or a clip store or its path.
            k: How many classes or neighbours of each clip.
        """
        return self.classify(inputs, k) if self.is_classifier else self.neighbours(inputs, k)

    def classify(self, inputs: Inputs, k: int = 5) -> list[Classification]:
        """The k most probable classes (all, where there are fewer) of each clip; arguments as in :meth:`__call__`.

        Raises:
            ConfigError: If the model is not a classifier.
            ClipError: If a clip is unusable.
        """
        if not self.is_classifier:
            raise ConfigError(
                'A pre-trained model knows no classes: take the checkpoint of a linear or fine-tuned run, or ask for '
                'neighbours.'
            )
        names, data = named_clips(inputs)
        scores = self._encoded(data, 'scores')
        best = scores.softmax(1).topk(min(k, scores.shape[1]))
        classes = self.model.dataset_meta.get('classes') or [f'class {i}' for i in range(scores.shape[1])]
        return [
            Classification(name, [classes[i] for i in labels], values)
            for name, labels, values in zip(names, best.indices.tolist(), best.values.tolist(), strict=True)
        ]

    def neighbours(self, inputs: Inputs, k: int = 5) -> list[Neighbours]:
        """The k nearest clips of the gallery by cosine for each clip; arguments as in :meth:`__call__`.

        Raises:
            ConfigError: If there is no gallery, or one of fewer than k clips.
            ClipError: If a clip is unusable.
        """
        if self.gallery is None:
            raise ConfigError('Neighbours are found in a gallery: pass gallery=STORE to SkeletonInferencer.')
        if not 1 <= k <= len(self._gallery_names):
            raise ConfigError(f'k={k} neighbours in a gallery of {len(self._gallery_names)} clips.')
        names, data = named_clips(inputs)
        similarities, rows = nearest(self._encoded(data, self.stream), self._gallery_features, k)
        return [
            Neighbours(
                name,
                self._gallery_names[found].tolist(),
                [self.gallery.classes[label] for label in self._gallery_labels[found]],
                values,
            )
            for name, found, values in zip(names, rows.numpy(), similarities.tolist(), strict=True)
        ]

    def _encoded(self, data: ClipStore | Sequence[np.ndarray], what: str, split: str | None = None) -> Tensor:
        """(N, D) features of a stream, or scores."""
        dataset = as_dataset(self.model, data, split)
        start = time.perf_counter()
        encoded = encode_dataset(self.model, dataset, with_scores=what == 'scores')[what]
        self.speed = Speed(len(encoded), time.perf_counter() - start)
        return encoded
