"""Metrics on batches of tensors."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from mmengine.dist import all_gather_object, broadcast_object_list, is_main_process
from mmengine.evaluator import BaseMetric
from torch import Tensor


class BatchMetric(BaseMetric):
    """Collects tensors batch by batch and computes once, over every clip of all ranks exactly once.

    Samplers pad the last batches of a distributed run with repeated clips; by their ``index`` they are dropped, so the
    numbers are those of one process.
    """

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        self.results += [{name: value.cpu() for name, value in self.columns(batch).items()} for batch in data_samples]

    @abstractmethod
    def columns(self, batch: dict) -> dict[str, Tensor]:
        """What to keep of a prediction: name to (N, ...), ``index`` among them."""

    @abstractmethod
    def compute_metrics(self, columns: dict[str, Tensor]) -> dict[str, float]:
        """Metrics of the whole set, from the columns in the order of the dataset."""

    def evaluate(self, size: int) -> dict[str, float]:
        parts = [part for rank in all_gather_object(self.results) for part in rank]
        self.results.clear()
        metrics: list = [None]
        if is_main_process():
            columns = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
            metrics = [{f'{self.prefix}/{k}': v for k, v in self.compute_metrics(_in_order(columns)).items()}]
        broadcast_object_list(metrics)
        return metrics[0]


def _in_order(columns: dict[str, Tensor]) -> dict[str, Tensor]:
    keys = [columns[name].tolist() for name in ('index', 'in_gallery') if name in columns]
    first = {key: row for row, key in reversed(list(enumerate(zip(*keys, strict=True))))}
    rows = torch.tensor([first[key] for key in sorted(first)])
    return {name: value[rows] for name, value in columns.items()}
