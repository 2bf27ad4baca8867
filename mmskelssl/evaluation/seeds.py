"""Several seeds of pre-training in one report."""

from __future__ import annotations

import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mmskelssl.evaluation.arrays import load_arrays, save_arrays
from mmskelssl.evaluation.pretrained_model import PretrainedModel
from mmskelssl.evaluation.results import EvaluationReport, ProtocolResult, Statistic
from mmskelssl.utils.errors import CheckpointError

_FEATURES = ('train_features', 'test_features')


def check_seeds(models: Sequence[PretrainedModel]) -> list[int]:
    """The seeds of checkpoints that differ in nothing else.

    Raises:
        CheckpointError: If one says no seed, two say the same, or they are of other configs or data.
    """
    first, seeds = models[0], [model.seed for model in models]
    for model in models:
        if model.seed is None:
            raise CheckpointError(f'{model.checkpoint} does not say the seed of its pre-training: evaluate it alone.')
        if seeds.count(model.seed) > 1:
            raise CheckpointError(f'Seed {model.seed} is there twice: give checkpoints of different seeds.')
        same = (
            'method',
            'streams',
            'layout',
            'num_persons',
            'train_set',
            'test_set',
            'train_view',
            'augmented_view',
            'test_pipeline',
            'epoch',
        )
        unlike = [name for name in same if getattr(model, name) != getattr(first, name)]
        if unlike:
            raise CheckpointError(
                f'{model.checkpoint} differs from {first.checkpoint} in {", ".join(unlike)}, not in the seed alone: '
                'evaluate them one by one and compare them with tools/analysis_tools/compare_results.py.'
            )
    return [seed for seed in seeds if seed is not None]


def over_seeds(reports: Mapping[int, tuple[EvaluationReport, Path]], root: Path, command: str = '') -> EvaluationReport:
    """The report of several: mean and sample deviation over them, and each alone.

    A value of a mean is a seed's own mean over its runs. Per-class accuracies are means, confusions sums, and curves
    the means of the epochs that all have; features are those of the first seed.

    Args:
        reports: Seed of pre-training to its report and the folder of that.
        root: Folder of the report to come; predictions of all seeds are written there.
        command: For the report.
    """
    first, _ = next(iter(reports.values()))
    wanted = [(result.protocol, result.modality) for result in first.results]
    shared = [key for key in wanted if all(report.result(*key) for report, _ in reports.values())]
    alone = {
        seed: [_located(result, seed, folder, root) for key in shared if (result := report.result(*key))]
        for seed, (report, folder) in reports.items()
    }
    curves = [report.curves for report, _ in reports.values()]
    costs = [report.cost for report, _ in reports.values()]
    return replace(
        first,
        checkpoint=' '.join(report.checkpoint for report, _ in reports.values()),
        results=[_mean(results, root) for results in zip(*alone.values(), strict=True)],
        members=[result for results in zip(*alone.values(), strict=True) for result in results],
        cost={
            name: statistics.fmean(cost[name] for cost in costs) for name in costs[0] if all(name in c for c in costs)
        },
        curves={name: _mean_curve([c[name] for c in curves]) for name in curves[0] if all(name in c for c in curves)},
        command=command,
    )


def _located(result: ProtocolResult, seed: int, folder: Path, root: Path) -> ProtocolResult:
    """A seed's result, with its files as they are found from the common report."""
    files = {name: Path(os.path.relpath(folder / path, root)).as_posix() for name, path in result.files.items()}
    return replace(result, files=files, card=replace(result.card, pretraining_seeds=[seed]))


def _mean(results: Sequence[ProtocolResult], root: Path) -> ProtocolResult:
    first, cards = results[0], [result.card for result in results]
    seeds = [seed for card in cards for seed in card.pretraining_seeds]
    metrics = {
        name: Statistic([result.metrics[name].mean for result in results])
        for name in first.metrics
        if all(name in result.metrics for result in results)
    }
    runs = len(first.metrics['top1'].values)
    each = f', each the mean of {runs} runs' if runs > 1 else ''
    remarks = [f'Over seeds {", ".join(map(str, seeds))} of pre-training{each}.']
    for remark in dict.fromkeys(remark for result in results for remark in result.remarks):
        of = [seed for seed, result in zip(seeds, results, strict=True) if remark in result.remarks]
        remarks.append(remark if of == seeds else f'Seed {", ".join(map(str, of))}: {remark}')
    return replace(
        first,
        metrics=metrics,
        card=replace(
            first.card, weights=' '.join(dict.fromkeys(card.weights for card in cards)), pretraining_seeds=seeds
        ),
        per_class_accuracy=[
            _mean_known(values) for values in zip(*(r.per_class_accuracy for r in results), strict=True)
        ],
        confusion=np.sum([result.confusion for result in results], axis=0).tolist(),
        seconds=sum(result.seconds for result in results),
        remarks=remarks,
        files={name: first.files[name] for name in _FEATURES if name in first.files} | _predictions(results, root),
    )


def _predictions(results: Sequence[ProtocolResult], root: Path) -> dict[str, str]:
    """The scores of all seeds' runs in one file."""
    parts = [
        load_arrays(root / result.files['predictions'], 'names', 'labels', 'scores')
        for result in results
        if 'predictions' in result.files
    ]
    if not parts:
        return {}
    path = Path(results[0].protocol) / results[0].modality / 'predictions.npz'
    scores = np.concatenate([part['scores'] for part in parts])
    save_arrays(root / path, names=parts[0]['names'], labels=parts[0]['labels'], scores=scores)
    return dict(predictions=path.as_posix())


def _mean_known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _mean_curve(curves: Sequence[list[list[float]]]) -> list[list[float]]:
    by_epoch = [{row[0]: row[1] for row in curve} for curve in curves]
    shared = [epoch for epoch in by_epoch[0] if all(epoch in values for values in by_epoch)]
    return [[epoch, statistics.fmean(values[epoch] for values in by_epoch)] for epoch in shared]
