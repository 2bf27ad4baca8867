"""A backbone with a classification head."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import torch
from mmengine.logging import print_log
from torch import Tensor

from mmskelssl.datasets import SkeletonDataset
from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.models.base import SkeletonModel
from mmskelssl.models.encoder import build_backbone
from mmskelssl.models.modalities import check_layout, get_modality
from mmskelssl.models.pretrained import pretrained_backbone
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError


@MODELS.register_module()
class SkeletonClassifier(SkeletonModel):
    """Classifies clips by one modality.

    Args:
        backbone: Config; it is handed layout and persons.
        head: Config; its ``in_channels`` is filled in.
        modality: Modality classified by.
        layout: Skeleton layout of the data.
        num_persons: M of the views.
        pretrained: Checkpoint of a pre-trained method, whose backbone of ``stream`` is taken over when training starts,
            or of a classifier, whose backbone is; the head is always new. None leaves the backbone random.
        stream: Of the pre-trained method; by default the one named as the modality.
        frozen: Whether the backbone stays as it is, batch statistics included (linear evaluation).
        data_preprocessor: Config of the step that makes views.
        init_cfg: Config.
    """

    def __init__(
        self,
        backbone: dict,
        head: dict,
        modality: str = 'joint',
        layout: str | Mapping | SkeletonLayout = 'ntu25',
        num_persons: int = 2,
        pretrained: str | None = None,
        stream: str | None = None,
        frozen: bool = False,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(layout, num_persons, data_preprocessor, init_cfg)
        self.modality = modality
        self.derive = get_modality(modality)
        self.pretrained = pretrained
        self.stream = stream or modality
        self.frozen = frozen
        self.backbone = build_backbone(backbone, self.layout, num_persons, modality)
        self.head = MODELS.build(dict(head, in_channels=self.backbone.out_channels))
        if frozen:
            self.backbone.requires_grad_(False)

    @property
    def streams(self) -> tuple[str, ...]:
        """Names of the features: the modality."""
        return (self.modality,)

    def init_weights(self) -> None:
        """Takes over the pre-trained backbone.

        Raises:
            CheckpointError: If the file is unreadable, holds no backbone of the stream, or one of another shape.
        """
        super().init_weights()
        if self.pretrained:
            self.backbone.load_state_dict(pretrained_backbone(self.pretrained, self.stream, self.backbone))
            print_log(f'Backbone loaded from {self.pretrained}', 'current')
        elif self.frozen and self.backbone.state_dict():
            print_log(
                'The frozen backbone is random: no model.pretrained names a checkpoint.', 'current', logging.WARNING
            )

    def train(self, mode: bool = True) -> SkeletonClassifier:
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self

    def forward(
        self, inputs: Sequence[Tensor] | Tensor, data_samples: dict | None = None, mode: str = 'tensor'
    ) -> dict[str, Tensor] | list[dict]:
        """Runs the model.

        Args:
            inputs: One view (N, M, T, V, C), by itself or in a list.
            data_samples: Tensors (N,) of the dataset, ``labels`` among them for mode ``loss``.
            mode: ``loss``, ``tensor`` or ``predict``.

        Returns:
            ``loss``: name to scalar. ``tensor``: ``{modality: feature (N, D)}``. ``predict``: a list of one dict that
            holds ``scores`` (N, num_classes) and the data samples.
        """
        view = inputs if isinstance(inputs, Tensor) else inputs[0]
        samples = data_samples or {}
        check_layout(view, self.layout)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            feature = self.backbone(self.derive(view, self.layout))
        if mode == 'tensor':
            return {self.modality: feature}
        if mode == 'loss':
            return self.head.loss(feature, samples['labels'])
        if mode == 'predict':
            return [dict(samples, scores=self.head(feature).float())]
        raise ValueError(f"Unknown mode '{mode}': modes are 'loss', 'tensor' and 'predict'.")

    def check_data(self, dataset: SkeletonDataset) -> None:
        """Refuses other classes, too.

        Raises:
            ConfigError: If layout or classes are others; the message names the key to change.
        """
        super().check_data(dataset)
        classes = len(dataset.store.classes)
        if self.head.num_classes != classes:
            raise ConfigError(
                f'{dataset.store.path} has {classes} classes, but model.head.num_classes={self.head.num_classes}: set '
                f'it to {classes}.'
            )
