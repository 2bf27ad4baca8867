"""Several seeds of pre-training, or several folds of a set, in one report."""

from __future__ import annotations

import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mmskelssl.evaluation.arrays import load_arrays, save_arrays
from mmskelssl.evaluation.pretrained_model import PretrainedModel
from mmskelssl.evaluation.results import EvaluationReport, ProtocolResult, Statistic
from mmskelssl.utils.errors import CheckpointError

# What checkpoints have in common that are put together.
_ALIKE = ('method', 'streams', 'layout', 'num_persons', 'train_view', 'augmented_view', 'test_pipeline', 'epoch')
_FEATURES = ('train_features', 'test_features')


def check_seeds(models: Sequence[PretrainedModel]) -> list[int]:
    """The seeds of checkpoints that differ in nothing else.

    Raises:
        CheckpointError: If one says no seed, two say the same, or they are of other configs or data.
    """
    seeds = [model.seed for model in models]
    for model in models:
        if model.seed is None:
            raise CheckpointError(f'{model.checkpoint} does not say the seed of its pre-training: evaluate it alone.')
        if seeds.count(model.seed) > 1:
            raise CheckpointError(f'Seed {model.seed} is there twice: give checkpoints of different seeds.')
    _check_alike(models, 'the seed', [*_ALIKE, 'train_set', 'test_set'])
    return [seed for seed in seeds if seed is not None]


def are_folds(models: Sequence[PretrainedModel]) -> bool:
    """Whether checkpoints are tested on several splits."""
    return len({model.test_set.get('split') for model in models}) > 1


def check_folds(models: Sequence[PretrainedModel]) -> list[str]:
    """The folds, by the names of their test splits, of checkpoints that differ in nothing but their splits.

    Raises:
        CheckpointError: If two are of the same fold, or they are of other configs, sets or seeds.
    """
    folds = [str(model.test_set.get('split')).removesuffix('_test') for model in models]
    if twice := [fold for fold in folds if folds.count(fold) > 1]:
        raise CheckpointError(f'{twice[0]} is there twice: give a checkpoint of each fold, all of one seed.')
    _check_alike(models, 'the splits', [*_ALIKE, 'seed'])
    for side in ('train_set', 'test_set'):
        others = [{k: v for k, v in getattr(model, side).items() if k != 'split'} for model in models]
        if any(other != others[0] for other in others):
            raise CheckpointError(
                f'The checkpoints differ in {side}, not in the splits alone: evaluate them one by one.'
            )
    return folds


def _check_alike(models: Sequence[PretrainedModel], but: str, same: Sequence[str]) -> None:
    first = models[0]
    for model in models:
        unlike = [name for name in same if getattr(model, name) != getattr(first, name)]
        if unlike:
            raise CheckpointError(
                f'{model.checkpoint} differs from {first.checkpoint} in {", ".join(unlike)}, not in {but} alone: '
                'evaluate them one by one and compare them with tools/analysis_tools/compare_results.py.'
            )


def over_seeds(reports: Mapping[int, tuple[EvaluationReport, Path]], root: Path, command: str = '') -> EvaluationReport:
    """The report of several seeds: mean and sample deviation over them, and each alone.

    A value of a mean is a seed's own mean over its runs. Per-class accuracies are means, confusions sums, and curves
    the means of the epochs that all have; features are those of the first seed.

    Args:
        reports: Seed of pre-training to its report and the folder of that.
        root: Folder of the report to come; predictions of all seeds are written there.
        command: For the report.
    """
    return _together(reports, root, command, _Kind('pretraining_seeds', 'seeds {} of pre-training', 'Seed'))


def over_folds(reports: Mapping[str, tuple[EvaluationReport, Path]], root: Path, command: str = '') -> EvaluationReport:
    """The report of several folds: mean and sample deviation over them, and each alone.

    As :func:`over_seeds`; references are means over the folds too, and the predictions are those of all folds' clips.

    Args:
        reports: Name of a fold to its report and the folder of that.
        root: Folder of the report to come.
        command: For the report.
    """
    kind = _Kind('folds', 'folds {}', 'Fold')
    report = _together(reports, root, command, kind)
    alone = [report for report, _ in reports.values()]
    references = [
        _mean([replace(other, card=replace(other.card, folds=[fold])) for fold, other in of.items()], None, kind)
        for of in _by_key({fold: report.references for fold, (report, _) in reports.items()})
    ]
    splits: dict[str, Any] = {
        side: ' '.join(getattr(one.data, side) for one in alone) for side in ('train_split', 'test_split')
    }
    return replace(report, references=references, data=replace(report.data, **splits))


@dataclass(frozen=True)
class _Kind:
    """What several reports are over.

    Args:
        field: Of the card.
        said: In a remark.
        one: Before a remark of one of them.
    """

    field: str
    said: str
    one: str


def _by_key(lists: Mapping[str, Sequence[ProtocolResult]]) -> list[dict[str, ProtocolResult]]:
    """Results of one protocol, modality and kind of reference, where all folds have them."""
    found: dict[tuple, dict[str, ProtocolResult]] = {}
    for fold, results in lists.items():
        for result in results:
            found.setdefault((result.protocol, result.modality, result.card.method), {})[fold] = result
    return [of for of in found.values() if len(of) == len(lists)]


def _together(
    reports: Mapping[Any, tuple[EvaluationReport, Path]], root: Path, command: str, kind: _Kind
) -> EvaluationReport:
    first, _ = next(iter(reports.values()))
    wanted = [(result.protocol, result.modality) for result in first.results]
    shared = [key for key in wanted if all(report.result(*key) for report, _ in reports.values())]
    alone = {
        one: [_located(result, {kind.field: [one]}, folder, root) for key in shared if (result := report.result(*key))]
        for one, (report, folder) in reports.items()
    }
    curves = [report.curves for report, _ in reports.values()]
    costs = [report.cost for report, _ in reports.values()]
    return replace(
        first,
        checkpoint=' '.join(report.checkpoint for report, _ in reports.values()),
        results=[_mean(results, root, kind) for results in zip(*alone.values(), strict=True)],
        members=[result for results in zip(*alone.values(), strict=True) for result in results],
        cost={
            name: statistics.fmean(cost[name] for cost in costs) for name in costs[0] if all(name in c for c in costs)
        },
        curves={name: _mean_curve([c[name] for c in curves]) for name in curves[0] if all(name in c for c in curves)},
        command=command,
    )


def _located(result: ProtocolResult, of: dict[str, Any], folder: Path, root: Path) -> ProtocolResult:
    """A seed's or fold's result, with its files as they are found from the common report."""
    files = {name: Path(os.path.relpath(folder / path, root)).as_posix() for name, path in result.files.items()}
    return replace(result, files=files, card=replace(result.card, **of))


def _mean(results: Sequence[ProtocolResult], root: Path | None, kind: _Kind) -> ProtocolResult:
    """The mean of results; their predictions are written below ``root``, if there is one."""
    first, cards = results[0], [result.card for result in results]
    each = [one for card in cards for one in getattr(card, kind.field)]
    metrics = {
        name: Statistic([result.metrics[name].mean for result in results])
        for name in first.metrics
        if all(name in result.metrics for result in results)
    }
    runs = len(first.metrics['top1'].values)
    several = f', each the mean of {runs} runs' if runs > 1 else ''
    remarks = [f'Over {kind.said.format(", ".join(map(str, each)))}{several}.']
    for remark in dict.fromkeys(remark for result in results for remark in result.remarks):
        of = [one for one, result in zip(each, results, strict=True) if remark in result.remarks]
        remarks.append(remark if of == each else f'{kind.one} {", ".join(map(str, of))}: {remark}')
    joined: dict[str, Any] = {
        name: ' '.join(dict.fromkeys(getattr(card, name) for card in cards))
        for name in ('weights', 'train_split', 'test_split')
    }
    if any(card.chosen != cards[0].chosen for card in cards):
        joined['chosen'] = {f'{kind.one} {one}': card.chosen for one, card in zip(each, cards, strict=True)}
    joined |= {'draws': list(dict.fromkeys(draw for card in cards for draw in card.draws)), kind.field: each}
    files = {name: first.files[name] for name in _FEATURES if name in first.files}
    return replace(
        first,
        metrics=metrics,
        card=replace(first.card, **joined),
        per_class_accuracy=[
            _mean_known(values) for values in zip(*(r.per_class_accuracy for r in results), strict=True)
        ],
        confusion=np.sum([result.confusion for result in results], axis=0).tolist(),
        seconds=sum(result.seconds for result in results),
        remarks=remarks,
        files=files if root is None else files | _predictions(results, root),
    )


def _predictions(results: Sequence[ProtocolResult], root: Path) -> dict[str, str]:
    """The scores of all in one file: of all runs where the clips are the same, of all clips where they are others'."""
    parts = [
        # The common folder may not be there yet, and then no way leads out of it.
        load_arrays(Path(os.path.normpath(root / result.files['predictions'])), 'names', 'labels', 'scores')
        for result in results
        if 'predictions' in result.files
    ]
    if not parts:
        return {}
    path = Path(results[0].protocol) / results[0].modality / 'predictions.npz'
    scores = [part['scores'] for part in parts]
    if all(np.array_equal(part['names'], parts[0]['names']) for part in parts):
        save_arrays(root / path, names=parts[0]['names'], labels=parts[0]['labels'], scores=np.concatenate(scores))
    else:
        names, labels = (np.concatenate([part[name] for part in parts]) for name in ('names', 'labels'))
        save_arrays(root / path, names=names, labels=labels, scores=np.concatenate(scores, axis=1))
    return dict(predictions=path.as_posix())


def _mean_known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _mean_curve(curves: Sequence[list[list[float]]]) -> list[list[float]]:
    by_epoch = [{row[0]: row[1] for row in curve} for curve in curves]
    shared = [epoch for epoch in by_epoch[0] if all(epoch in values for values in by_epoch)]
    return [[epoch, statistics.fmean(values[epoch] for values in by_epoch)] for epoch in shared]
