"""Classification accuracy."""

from __future__ import annotations

from torch import Tensor

from mmskelssl.evaluation.functional import confusion_matrix, per_class_accuracy, topk_accuracy
from mmskelssl.evaluation.metrics.base import BatchMetric
from mmskelssl.registry import METRICS


@METRICS.register_module()
class Accuracy(BatchMetric):
    """Top-k accuracies and the mean over classes, in percent, of predictions with ``scores`` and ``labels``.

    Args:
        topk: The k.

    Attributes:
        confusion: (K, K) counts of the last evaluation, on the main process.
    """

    def __init__(self, topk: tuple[int, ...] = (1, 5)) -> None:
        super().__init__(prefix='accuracy')
        self.topk = tuple(topk)
        self.confusion: Tensor | None = None

    def columns(self, batch: dict) -> dict[str, Tensor]:
        return {name: batch[name] for name in ('index', 'labels', 'scores')}

    def compute_metrics(self, columns: dict[str, Tensor]) -> dict[str, float]:
        scores, labels = columns['scores'], columns['labels']
        self.confusion = confusion_matrix(scores.argmax(1), labels, scores.shape[1])
        metrics = {f'top{k}': topk_accuracy(scores, labels, k) for k in self.topk}
        return dict(metrics, mean_class=per_class_accuracy(self.confusion).nanmean().item())

    def report(self) -> dict:
        """Per-class accuracy and confusion matrix of the last evaluation as plain data."""
        classes = list(self.dataset_meta['classes'])
        accuracy = per_class_accuracy(self.confusion).tolist()  # type: ignore[arg-type]  # there was an evaluation
        return dict(
            classes=classes,
            per_class_accuracy=dict(zip(classes, accuracy, strict=True)),
            confusion=self.confusion.tolist(),
        )
