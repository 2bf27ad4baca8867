"""Classification by one linear layer."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import check_at_least


@MODELS.register_module()
class LinearHead(nn.Module):
    """Linear layer with weights drawn from N(0, 0.01²) and zero bias, as in every linear protocol of the papers.

    Args:
        num_classes: Classes.
        in_channels: Width of the feature.
    """

    def __init__(self, num_classes: int, in_channels: int) -> None:
        super().__init__()
        check_at_least(2, self, num_classes=num_classes)
        self.num_classes = num_classes
        self.fc = nn.Linear(in_channels, num_classes)
        nn.init.normal_(self.fc.weight, std=0.01)
        nn.init.zeros_(self.fc.bias)

    def forward(self, feature: Tensor) -> Tensor:
        """(N, in_channels) to scores (N, num_classes)."""
        return self.fc(feature)

    def loss(self, feature: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Cross entropy and, for the log, top-1 accuracy in percent of a batch; labels are (N,)."""
        scores = self(feature).float()
        hits = scores.argmax(1) == labels
        return dict(loss=F.cross_entropy(scores, labels), top1=100 * hits.float().mean())
