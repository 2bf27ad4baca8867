"""What is evaluated: the backbones of a checkpoint, on the data and in the views of its config."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mmskelssl.datasets import SkeletonDataset, get_layout
from mmskelssl.models.classifiers import SkeletonClassifier
from mmskelssl.models.classifiers.classifier import pretrained_backbone
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import StoreError


@dataclass(frozen=True)
class PretrainedModel:
    """A pre-trained checkpoint, ready for every protocol.

    Args:
        checkpoint: Its path.
        config: Name of its config, '' if unknown.
        epoch: Of pre-training, if known.
        method: Such as ``CMD``.
        backbone: Config of its backbones.
        layout: As the model's config has it.
        modalities: For which it has a backbone.
        train_set: Arguments of ``SkeletonDataset`` for the training side, without a pipeline.
        test_set: The same for the test side.
        train_view: How pre-training took frames out of a clip: the first transform of its views.
        test_pipeline: The view that is tested on.
        loader: ``num_workers`` and ``persistent_workers`` of the loaders of pre-training.
        is_transfer: Whether the data is another than that of pre-training.
    """

    checkpoint: str
    config: str
    epoch: int | None
    method: str
    backbone: dict
    layout: str | Mapping
    modalities: tuple[str, ...]
    train_set: dict
    test_set: dict
    train_view: dict
    test_pipeline: list[dict]
    loader: dict
    is_transfer: bool = False
    _datasets: dict[str, SkeletonDataset] = field(default_factory=dict, init=False, repr=False, compare=False)

    def dataset(self, side: str, pipeline: list[dict], draw: dict | None = None) -> SkeletonDataset:
        """The clips of a side (``train`` or ``test``) in the views of a pipeline, opened once."""
        key = repr((side, pipeline, draw))
        if key not in self._datasets:
            self._datasets[key] = SkeletonDataset(**getattr(self, f'{side}_set'), pipeline=pipeline, draw=draw)
        return self._datasets[key]

    @property
    def test_clips(self) -> SkeletonDataset:
        """The test side in its view."""
        return self.dataset('test', self.test_pipeline)

    @property
    def train_clips(self) -> SkeletonDataset:
        """The training side in the view of the test side: galleries, cached features."""
        return self.dataset('train', self.test_pipeline)

    def classifier(self, modality: str, pretrained: bool = True) -> dict:
        """Config of a classifier of the data's classes on the backbone of a modality."""
        return dict(
            type='SkeletonClassifier',
            backbone=self.backbone,
            head=dict(type='LinearHead', num_classes=len(self.test_clips.store.classes)),
            modality=modality,
            layout=self.layout,
            pretrained=self.checkpoint if pretrained else None,
        )

    def encoder(self, modality: str) -> SkeletonClassifier:
        """A frozen classifier with the backbone of a modality, in eval mode; only its features are of use."""
        classifier = MODELS.build(dict(self.classifier(modality, pretrained=False), frozen=True))
        classifier.backbone.load_state_dict(self._weights(modality))
        return classifier.eval()

    def weights_digest(self, modality: str) -> str:
        """SHA-256 of a backbone's weights and batch statistics."""
        return state_digest(self._weights(modality))

    def _weights(self, modality: str) -> dict[str, Tensor]:
        return pretrained_backbone(self.checkpoint, modality, MODELS.build(self.backbone))

    def check(self) -> None:
        """Refuses data that no protocol can evaluate on.

        Raises:
            StoreError: If the data has no two classes, another layout than the model, or clips on both sides.
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
