"""A backbone with a classification head."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor

from mmskelssl.datasets.layouts import SkeletonLayout, get_layout
from mmskelssl.models.modalities import check_layout, get_modality
from mmskelssl.registry import MODELS
from mmskelssl.utils.checkpoints import check_weights
from mmskelssl.utils.errors import CheckpointError


@MODELS.register_module()
class SkeletonClassifier(BaseModel):
    """Classifies clips by one modality.

    Args:
        backbone: Config.
        head: Config; its ``in_channels`` is filled in.
        modality: Modality classified by.
        layout: Skeleton layout of the data.
        pretrained: Checkpoint of a pre-trained method, whose query backbone of ``modality`` is taken over when training
            starts, or of a classifier, whose backbone is; the head is always new. None leaves the backbone random.
        frozen: Whether the backbone stays as it is, batch statistics included (linear evaluation).
        data_preprocessor: Config.
        init_cfg: Config.
    """

    def __init__(
        self,
        backbone: dict,
        head: dict,
        modality: str = 'joint',
        layout: str | Mapping | SkeletonLayout = 'ntu25',
        pretrained: str | None = None,
        frozen: bool = False,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor or dict(type='SkeletonDataPreprocessor'), init_cfg)
        self.modality = modality
        self.derive = get_modality(modality)
        self.layout = get_layout(layout)
        self.pretrained = pretrained
        self.frozen = frozen
        self.backbone = MODELS.build(backbone)
        self.head = MODELS.build(dict(head, in_channels=self.backbone.out_channels))
        if frozen:
            self.backbone.requires_grad_(False)

    def init_weights(self) -> None:
        """Takes over the pre-trained backbone.

        Raises:
            CheckpointError: If the file is unreadable, holds no backbone of the modality, or one of another shape.
        """
        super().init_weights()
        if self.pretrained:
            self.backbone.load_state_dict(pretrained_backbone(self.pretrained, self.modality, self.backbone))
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
        check_layout(view, self.layout)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            feature = self.backbone(self.derive(view, self.layout))
        if mode == 'tensor':
            return {self.modality: feature}
        if mode == 'loss':
            return self.head.loss(feature, data_samples['labels'])
        if mode == 'predict':
            return [dict(data_samples or {}, scores=self.head(feature).float())]
        raise ValueError(f"Unknown mode '{mode}': modes are 'loss', 'tensor' and 'predict'.")


def pretrained_backbone(filename: str, modality: str, backbone: torch.nn.Module) -> dict[str, Tensor]:
    """The weights of a query backbone, or of a classifier's, checked against the backbone that is to take them.

    Args:
        filename: Checkpoint.
        modality: Whose backbone.
        backbone: What it must fit.

    Raises:
        CheckpointError: If it does not fit; the message says what differs.
    """
    checkpoint = CheckpointLoader.load_checkpoint(filename, map_location='cpu', logger='silent')
    weights = checkpoint.get('state_dict', checkpoint)
    # A classifier has one backbone, which its config gives a modality.
    prefixes = (f'encoder_q.{modality}.backbone.', 'backbone.')
    prefix = next((p for p in prefixes if any(key.startswith(p) for key in weights)), None)
    if prefix is None and not backbone.state_dict():
        return {}
    if prefix is None:
        modalities = sorted({key.split('.')[1] for key in weights if key.startswith('encoder_q.')})
        raise CheckpointError(
            f"{filename} holds no backbone of modality '{modality}'. It holds {modalities or 'no pre-trained method'}."
        )
    taken = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
    check_weights(taken, backbone, f'The backbone in {filename}')
    return taken
