"""What is evaluated: the backbones of a checkpoint, on the data and in the views of its config."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from mmskelssl.datasets import SkeletonDataset, get_layout
from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.transforms import ViewPipeline
from mmskelssl.models.classifiers import SkeletonClassifier
from mmskelssl.models.pretrained import pretrained_backbone
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import StoreError


@dataclass(frozen=True)
class PretrainedModel:
    """A pre-trained checkpoint, ready for every protocol.

    A stream has the name of its modality, unless the method names its streams.

    Args:
        checkpoint: Its path.
        config: Name of its config, '' if unknown.
        epoch: Of pre-training, if known.
        method: Such as ``CMD``.
        streams: Name to ``modality`` and ``backbone`` (a config) of every stream that is evaluated.
        layout: As the model's config has it.
        num_persons: M of the views.
        train_set: Arguments of ``SkeletonDataset`` for the training side.
        test_set: The same for the test side.
        train_view: How pre-training took frames out of a clip: the first transforms of its views.
        augmented_view: All transforms of the first of these views.
        test_pipeline: The view that is tested on.
        loader: ``num_workers`` and ``persistent_workers`` of the loaders of pre-training.
        is_transfer: Whether the data is another than that of pre-training.
        seed: Of pre-training, if known.
    """

    checkpoint: str
    config: str
    epoch: int | None
    method: str
    streams: dict[str, dict]
    layout: str | Mapping
    num_persons: int
    train_set: dict
    test_set: dict
    train_view: list[dict]
    augmented_view: list[dict]
    test_pipeline: list[dict]
    loader: dict
    is_transfer: bool = False
    seed: int | None = None
    _datasets: dict[str, SkeletonDataset] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the streams."""
        return tuple(self.streams)

    @property
    def num_frames(self) -> int:
        """T of the test view."""
        layout = get_layout(self.layout)
        clip = np.ones((self.num_persons, 100, layout.num_joints, 3), np.float32)
        (view,) = ViewPipeline(self.test_pipeline)(ClipBatch.of([clip]), torch.zeros(1, dtype=torch.int64), layout)
        return view.shape[2]

    def dataset(self, side: str, draw: dict | None = None, part: str | None = None) -> SkeletonDataset:
        """The clips of a side (``train`` or ``test``), those that were drawn of it, or a part of these; opened once."""
        key = repr((side, draw, part))
        if key not in self._datasets:
            self._datasets[key] = SkeletonDataset(**getattr(self, f'{side}_set'), draw=draw, part=part)
        return self._datasets[key]

    @property
    def test_clips(self) -> SkeletonDataset:
        """The test side."""
        return self.dataset('test')

    @property
    def train_clips(self) -> SkeletonDataset:
        """The training side."""
        return self.dataset('train')

    def classifier(self, stream: str, pretrained: bool = True, options: Mapping = MappingProxyType({})) -> dict:
        """Config of a classifier of the data's classes on the backbone of a stream.

        Args:
            stream: Its name.
            pretrained: Whether it starts from the checkpoint.
            options: ``head``, ``frozen``, and ``backbone``, what replaces options of the stream's.
        """
        part = self.streams[stream]
        return dict(
            part,
            type='SkeletonClassifier',
            backbone=dict(part['backbone'], **options.get('backbone', {})),
            frozen=options.get('frozen', False),
            head=dict(options.get('head', dict(type='LinearHead')), num_classes=len(self.test_clips.store.classes)),
            layout=self.layout,
            num_persons=self.num_persons,
            pretrained=self.checkpoint if pretrained else None,
            stream=stream,
        )

    def encoder(self, stream: str, pipeline: list[dict] | None = None) -> SkeletonClassifier:
        """A frozen classifier with the backbone of a stream, in eval mode; only its features are of use.

        Args:
            stream: Its name.
            pipeline: The views that it makes of clips; by default the test view.
        """
        views = dict(type='SkeletonDataPreprocessor', test_pipeline=pipeline or self.test_pipeline)
        classifier = MODELS.build(dict(self.classifier(stream), frozen=True, data_preprocessor=views))
        classifier.backbone.load_state_dict(pretrained_backbone(self.checkpoint, stream, classifier.backbone))
        return classifier.eval()

    def weights_digest(self, stream: str) -> str:
        """SHA-256 of a backbone's weights and batch statistics."""
        return state_digest(self.encoder(stream).backbone.state_dict())

    def check(self) -> None:
        """Refuses data that no protocol can evaluate on.

        Raises:
            StoreError: If the data has fewer than two classes, another layout than the model, or clips on both sides.
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
