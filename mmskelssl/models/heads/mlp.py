"""Classification by two layers."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from mmskelssl.models.heads.base import ClassificationHead, batch_normalized, classes_layer
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import check_at_least


@MODELS.register_module()
class MLPHead(ClassificationHead):
    """Linear layer, batch normalization, ReLU, linear layer: the head of MAMP's fine-tuning.

    Args:
        num_classes: Classes.
        in_channels: Width of the feature.
        hidden_channels: Width between the layers.
        label_smoothing: Share of the target that is spread evenly over all classes.
    """

    def __init__(
        self, num_classes: int, in_channels: int, hidden_channels: int = 2048, label_smoothing: float = 0.0
    ) -> None:
        super().__init__(num_classes, label_smoothing)
        check_at_least(1, self, hidden_channels=hidden_channels)
        self.hidden = nn.Linear(in_channels, hidden_channels)
        self.norm = nn.BatchNorm1d(hidden_channels)
        self.fc = classes_layer(hidden_channels, num_classes)

    def forward(self, feature: Tensor) -> Tensor:
        return self.fc(F.relu(batch_normalized(self.norm, self.hidden(feature))))
