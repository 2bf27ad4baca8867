"""What a protocol measured."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from mmskelssl.evaluation.results.card import ProtocolCard


@dataclass(frozen=True)
class Statistic:
    """A number over the runs of a protocol.

    Args:
        values: One for each seed or draw.
    """

    values: list[float]

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values)

    @property
    def std(self) -> float | None:
        """Sample standard deviation; None for a single run."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    def __str__(self) -> str:
        return f'{self.mean:.1f}' if self.std is None else f'{self.mean:.1f} ± {self.std:.1f}'


@dataclass(frozen=True)
class ProtocolResult:
    """One protocol on one modality, or on several fused.

    Args:
        protocol: Name, such as ``linear`` or ``semi10``.
        modality: ``joint``, ``motion``, ``bone``; fused ones joined by ``+``.
        metrics: Name to percentages; ``top1`` always, and before the others.
        card: How it was measured.
        per_class_accuracy: (K,) percentages, mean over the runs; None for a class without test clips.
        confusion: (K, K) counts, summed over the runs: row is the true class, column the predicted one.
        seconds: Duration, without features that were already in a file.
        remarks: What a reader of the number has to know, such as a class that a draw left without a label.
        files: Relative to the report: ``predictions``, and for protocols on fixed features ``train_features`` and
            ``test_features``. All are NumPy archives (see :mod:`mmskelssl.evaluation.arrays`) with ``names`` (N,) and
            ``labels`` (N,), and ``scores`` (runs, N, K) or ``features`` (N, D).
    """

    protocol: str
    modality: str
    metrics: dict[str, Statistic]
    card: ProtocolCard
    per_class_accuracy: list[float | None]
    confusion: list[list[int]]
    seconds: float = 0.0
    remarks: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict:
        """As plain data; each metric with its mean and standard deviation."""
        metrics = {
            name: dict(mean=statistic.mean, std=statistic.std, values=statistic.values)
            for name, statistic in self.metrics.items()
        }
        return {**vars(self), 'metrics': metrics, 'card': dict(vars(self.card))}

    @classmethod
    def from_dict(cls, data: dict) -> ProtocolResult:
        """The result of :meth:`to_dict`."""
        metrics = {key: Statistic(value['values']) for key, value in data['metrics'].items()}
        return cls(**{**data, 'metrics': metrics, 'card': ProtocolCard(**data['card'])})
