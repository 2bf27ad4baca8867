"""Accuracies from scores."""

from __future__ import annotations

import torch
from torch import Tensor


def topk_accuracy(scores: Tensor, labels: Tensor, k: int) -> float:
    """Percentage of rows of scores (N, K) whose label (N,) is among the k highest (among all, where K < k)."""
    top = scores.topk(min(k, scores.shape[1]), dim=1).indices
    return 100 * (top == labels[:, None]).any(1).double().mean().item()


def confusion_matrix(predictions: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """(K, K) int64 counts: row is the true class, column the predicted one."""
    cells = torch.bincount(labels * num_classes + predictions, minlength=num_classes**2)
    return cells.view(num_classes, num_classes)


def per_class_accuracy(confusion: Tensor) -> Tensor:
    """(K,) percentages from a confusion matrix; NaN for classes without clips."""
    return 100 * confusion.diagonal().double() / confusion.sum(1)
