"""What heads that classify share."""

from __future__ import annotations

from abc import abstractmethod

import torch.nn.functional as F
from torch import Tensor, nn

from mmskelssl.utils.errors import ConfigError, check_at_least


class ClassificationHead(nn.Module):
    """Scores of classes from a feature, and their loss.

    Args:
        num_classes: Classes.
        label_smoothing: Share of the target that is spread evenly over all classes.

    Raises:
        ConfigError: If a value is out of its range.
    """

    def __init__(self, num_classes: int, label_smoothing: float = 0.0) -> None:
        super().__init__()
        check_at_least(2, self, num_classes=num_classes)
        if not 0 <= label_smoothing < 1:
            raise ConfigError(f'model.head.label_smoothing={label_smoothing} is not within [0, 1).')
        self.num_classes = num_classes
        self.label_smoothing = label_smoothing

    @abstractmethod
    def forward(self, feature: Tensor) -> Tensor:
        """(N, in_channels) to scores (N, num_classes)."""

    def loss(self, feature: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Cross entropy and, for the log, top-1 accuracy in percent of a batch; labels are (N,)."""
        scores = self(feature).float()
        hits = scores.argmax(1) == labels
        loss = F.cross_entropy(scores, labels, label_smoothing=self.label_smoothing)
        return dict(loss=loss, top1=100 * hits.float().mean())


def classes_layer(in_channels: int, num_classes: int) -> nn.Linear:
    """The last layer, with weights drawn from N(0, 0.01²) and zero bias, as in every protocol of the papers."""
    layer = nn.Linear(in_channels, num_classes)
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)
    return layer


def batch_normalized(norm: nn.Module, x: Tensor) -> Tensor:
    """``norm(x)``; a batch of one clip, which has no variance, is normalized by the running statistics."""
    if type(norm) is nn.BatchNorm1d and norm.training and len(x) == 1:
        return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)
    return norm(x)
