"""From recordings to labels or to the most similar clips, in one call."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmengine.config import Config
from torch import Tensor

from mmskelssl.apis.models import as_dataset, init_model
from mmskelssl.converters.messages import shown
from mmskelssl.converters.ntu import read_skeleton_file
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.evaluation.features import encode
from mmskelssl.evaluation.functional import nearest
from mmskelssl.utils.errors import ClipError, ConfigError

_TAKEN = 'give a .skeleton file, an array (M, T, V, C) or (T, V, C), a list of these, or a clip store or its folder'
Inputs = str | os.PathLike | np.ndarray | ClipStore | Sequence[str | os.PathLike | np.ndarray]


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


class SkeletonInferencer:
    """Classifies clips, or finds their nearest neighbours among the clips of a store.

    Args:
        config: Config, its path, or one of :func:`list_models`; None takes the one in the checkpoint.
        checkpoint: Its weights.
        device: Where the model goes; by default the accelerator, if there is one.
        gallery: Store (or its path) whose clips are the neighbours to find; a model without a classifier needs one.
        gallery_split: Split of the gallery; by default all of its clips.
        stream: Whose features neighbours are sought by; by default the model's first.
        pretrained: Whether ``config`` is the name of weights that come with the package.

    Raises:
        CheckpointError, ConfigError, StoreError: As :func:`init_model` and :func:`extract_features`.
    """

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
        self.model = init_model(config, checkpoint, device, pretrained)
        known = [self.model.modality] if self.is_classifier else list(self.model.streams)
        self.stream = stream or known[0]
        if self.stream not in known:
            raise ConfigError(f"The model has no stream '{self.stream}': its streams are {known}.")
        self.gallery = gallery if gallery is None or isinstance(gallery, ClipStore) else ClipStore(gallery)
        if self.gallery is not None:
            indices = slice(None) if gallery_split is None else self.gallery.split(gallery_split)
            self._gallery_names = self.gallery.names[indices]
            self._gallery_labels = self.gallery.labels[indices]
            self._gallery_features = self._features(self.gallery, gallery_split)

    @property
    def is_classifier(self) -> bool:
        return hasattr(self.model, 'head')

    def __call__(self, inputs: Inputs, k: int = 5) -> list[Classification] | list[Neighbours]:
        """Classes of clips by a classifier, neighbours by a pre-trained model.

        Args:
            inputs: A raw NTU file (``.skeleton``), a clip (M, T, V, C) or (T, V, C) in metres, a list of these, or a
                clip store or its path.
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
        names, data = _named(inputs)
        scores = encode(self.model, as_dataset(self.model, data), 'predict', what='Classifying')['scores'][0]
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
        names, data = _named(inputs)
        similarities, rows = nearest(self._features(data), self._gallery_features, k)
        return [
            Neighbours(
                name,
                self._gallery_names[found].tolist(),
                [self.gallery.classes[label] for label in self._gallery_labels[found]],
                values,
            )
            for name, found, values in zip(names, rows.numpy(), similarities.tolist(), strict=True)
        ]

    def _features(self, data: ClipStore | Sequence[np.ndarray], split: str | None = None) -> Tensor:
        """(N, D) features."""
        return encode(self.model, as_dataset(self.model, data, split))[self.stream][0]


def _is_raw(path: str | os.PathLike) -> bool:
    return Path(path).suffix.lower() == '.skeleton'


def _named(inputs: Inputs) -> tuple[list[str], ClipStore | list[np.ndarray]]:
    """Names of the clips, and the clips as :func:`extract_features` takes them."""
    if isinstance(inputs, (str, os.PathLike)) and not _is_raw(inputs):
        if Path(inputs).is_file():
            raise ClipError(f'{inputs} is not a .skeleton file: {_TAKEN}.')
        inputs = ClipStore(inputs)
    if isinstance(inputs, ClipStore):
        return inputs.names.tolist(), inputs
    if isinstance(inputs, (str, os.PathLike, np.ndarray)):
        inputs = [inputs]
    if not isinstance(inputs, Sequence):
        raise ClipError(f'{shown(inputs)} is not an input: {_TAKEN}.')
    for item in inputs:
        if not isinstance(item, np.ndarray) and not (isinstance(item, (str, os.PathLike)) and _is_raw(item)):
            raise ClipError(
                f'{shown(item)} in the list is neither an array nor the path of a .skeleton file: {_TAKEN}.'
            )
    names = [f'clip {i}' if isinstance(item, np.ndarray) else Path(item).stem for i, item in enumerate(inputs)]
    return names, [item if isinstance(item, np.ndarray) else read_skeleton_file(item) for item in inputs]
