"""Classification by one linear layer."""

from __future__ import annotations

from torch import Tensor, nn

from mmskelssl.models.heads.base import ClassificationHead, batch_normalized, classes_layer
from mmskelssl.registry import MODELS


@MODELS.register_module()
class LinearHead(ClassificationHead):
    """Linear layer with weights drawn from N(0, 0.01²) and zero bias, as in every linear protocol of the papers.

    Args:
        num_classes: Classes.
        in_channels: Width of the feature.
        norm: Whether each channel of the feature is normalized by the batch's statistics first, with nothing learned
            (MAE's linear probe, He et al., CVPR 2022; MAMP).
        label_smoothing: Share of the target that is spread evenly over all classes.
    """

    def __init__(self, num_classes: int, in_channels: int, norm: bool = False, label_smoothing: float = 0.0) -> None:
        super().__init__(num_classes, label_smoothing)
        self.norm = nn.BatchNorm1d(in_channels, eps=1e-6, affine=False) if norm else nn.Identity()
        self.fc = classes_layer(in_channels, num_classes)

    def forward(self, feature: Tensor) -> Tensor:
        return self.fc(batch_normalized(self.norm, feature))
