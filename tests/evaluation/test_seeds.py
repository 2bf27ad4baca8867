"""Mean and deviation over seeds of pre-training, and over folds."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from workshop import write_store

from mmskelssl.evaluation.evaluate import evaluate
from mmskelssl.evaluation.protocols import load_protocol
from mmskelssl.evaluation.reading import read_pretrained
from mmskelssl.evaluation.results import Statistic, load_report, marks, save_report
from mmskelssl.evaluation.seeds import are_folds, check_folds, check_seeds, over_seeds
from mmskelssl.utils.errors import CheckpointError

from .conftest import pretraining


@pytest.fixture(scope='module')
def models(store, make_checkpoint):
    cfg = pretraining(store, modalities=['joint', 'bone'])
    return [read_pretrained(make_checkpoint(cfg, seed, dict(seed=seed))) for seed in (7, 9)]


@pytest.fixture(scope='module')
def reports(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp('seeds')
    return {
        model.seed: (evaluate(model, [load_protocol('knn')], folder / str(model.seed)), folder / str(model.seed))
        for model in models
    }


def test_the_mean_is_over_the_seeds_and_each_stands_behind_it(reports, tmp_path):
    report = over_seeds(reports, tmp_path, 'a command')
    alone = [report for report, _ in reports.values()]
    for modality in ('joint', 'bone'):
        found, own = report.result('knn', modality), [r.result('knn', modality) for r in alone]
        values = [result.metrics['top1'].mean for result in own]
        assert found.metrics['top1'].values == values
        assert found.metrics['top1'].std == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
        assert found.card.pretraining_seeds == [7, 9] and found.card.unlike(own[0].card) == []
        assert found.card.weights.split() == [result.card.weights for result in own]
        np.testing.assert_array_equal(found.confusion, np.add(own[0].confusion, own[1].confusion))
        np.testing.assert_allclose(found.per_class_accuracy, np.mean([r.per_class_accuracy for r in own], axis=0))
        scores = np.load(tmp_path / found.files['predictions'])['scores']
        parts = [np.load(folder / result.files['predictions'])['scores']
                 for result, (_, folder) in zip(own, reports.values(), strict=True)]  # fmt: skip
        np.testing.assert_array_equal(scores, np.concatenate(parts))
        assert (tmp_path / found.files['test_features']).exists()
    assert [(m.modality, m.card.pretraining_seeds) for m in report.members] == [
        ('joint', [7]), ('joint', [9]), ('bone', [7]), ('bone', [9]),
    ]  # fmt: skip
    assert report.command == 'a command' and report.checkpoint.count('epoch_3.pth') == 2
    save_report(report, tmp_path / 'report.json')
    assert load_report(tmp_path) == report


def test_values_are_the_means_of_each_seeds_runs_and_remarks_say_whose_they_are(reports, tmp_path):
    def changed(report, values, remarks):
        (first, *_) = report.results
        card = replace(first.card, chosen=dict(learning_rate=values[0]))
        return replace(
            report, results=[replace(first, metrics=dict(top1=Statistic(values)), remarks=remarks, card=card)]
        )

    values = {7: [50.0, 60.0], 9: [70.0, 90.0]}
    remarks = {7: ['both'], 9: ['both', 'one']}
    made = {seed: (changed(report, values[seed], remarks[seed]), folder) for seed, (report, folder) in reports.items()}
    (result,) = over_seeds(made, tmp_path).results
    assert result.metrics['top1'].values == [55.0, 80.0]
    assert result.card.chosen == {'Seed 7': dict(learning_rate=50.0), 'Seed 9': dict(learning_rate=70.0)}
    assert result.remarks == ['Over seeds 7, 9 of pre-training, each the mean of 2 runs.', 'both', 'Seed 9: one']


def test_curves_and_costs_are_means(reports, tmp_path):
    curves = {7: dict(loss=[[1, 4.0], [2, 2.0]], only=[[1, 1.0]]), 9: dict(loss=[[1, 2.0]])}
    made = {seed: (replace(r, curves=curves[seed], cost=dict(minutes=seed)), f) for seed, (r, f) in reports.items()}
    report = over_seeds(made, tmp_path)
    assert report.curves == dict(loss=[[1, 3.0]]) and report.cost == dict(minutes=8.0)


def test_members_of_an_ensemble_are_those_of_its_seed(reports, tmp_path):
    made = {}
    for seed, (report, folder) in reports.items():
        joint, bone = (replace(result, metrics=dict(top1=Statistic([50.0 + seed]))) for result in report.results)
        fused = replace(joint, protocol='knn-2s', modality='joint+bone', metrics=dict(top1=Statistic([58.0])))
        made[seed] = replace(report, results=[joint, bone, fused]), folder
    report = over_seeds(made, tmp_path)
    # 58 is above the members of seed 7 (57), below those of seed 9 (59), and level with the mean (58).
    assert [len(marks(report, m)) for m in report.members if m.protocol == 'knn-2s'] == [0, 1]
    assert marks(report, report.result('knn-2s', 'joint+bone')) == []


def test_only_the_seed_may_differ(models):
    assert check_seeds(models) == [7, 9]
    for changed, message in [
        (dict(seed=7), 'Seed 7 is there twice'),
        (dict(seed=None), 'does not say the seed'),
        (dict(epoch=5), 'differs from .* in epoch, not in the seed alone'),
        (dict(test_set={}), 'in test_set'),
    ]:
        with pytest.raises(CheckpointError, match=message):
            check_seeds([models[0], replace(models[1], **changed)])


def test_the_command_writes_a_report_of_all_and_one_of_each(models, run_tool, tmp_path):
    status, out, err = run_tool(
        'evaluate.py', *(m.checkpoint for m in models), '--work-dir', tmp_path, '--protocols', 'knn', 'knn-2s',
        '--cfg-options', "knn-2s.protocol.modalities=['joint','bone']",
    )  # fmt: skip
    assert status == 0, err
    report = load_report(tmp_path)
    assert [len(result.metrics['top1'].values) for result in report.results] == [2, 2, 2]
    for seed in (7, 9):
        own = load_report(tmp_path / f'seed{seed}')
        assert len(own.results) == 3 and own.references == report.references and len(own.references) >= 4
        (member,) = (m for m in report.members if m.protocol == 'knn-2s' and m.card.pretraining_seeds == [seed])
        assert member.metrics == own.result('knn-2s', 'joint+bone').metrics
        assert f'| knn | joint, seed {seed} | {own.result("knn", "joint").metrics["top1"]} ' in out
        assert not (tmp_path / f'seed{seed}' / 'references').exists()
    assert f'| knn | joint | {report.result("knn", "joint").metrics["top1"]} ' in out
    page = (tmp_path / 'report.html').read_text(encoding='utf-8')
    assert '"Seeds of pre-training": "7, 9"' in page or '"Seeds of pre-training":"7, 9"' in page
    assert json.loads((tmp_path / 'report.json').read_text())['members']
    status, _, err = run_tool('evaluate.py', models[0].checkpoint, models[0].checkpoint, '--work-dir', tmp_path / 'x')
    assert status == 1 and 'Seed 7 is there twice' in err


@pytest.fixture(scope='module')
def folds(make_checkpoint, tmp_path_factory):
    """Checkpoints of two folds: what one trains on, the other tests on."""
    store = tmp_path_factory.mktemp('folds') / 'store'
    write_store(store, fold1_test=21, fold2_test=12)
    found = {}
    for fold, other in (('fold1', 'fold2'), ('fold2', 'fold1')):
        cfg = pretraining(store, modalities=['joint'])
        cfg.train_dataloader.dataset.split = f'{other}_test'
        cfg.test_dataloader.dataset.split = f'{fold}_test'
        found[fold] = make_checkpoint(cfg, 3, dict(seed=3))
    return found


def test_the_command_gives_the_mean_over_folds(folds, run_tool, tmp_path):
    status, out, err = run_tool('evaluate.py', *folds.values(), '--work-dir', tmp_path, '--protocols', 'knn')
    assert status == 0, err
    report, own = load_report(tmp_path), {fold: load_report(tmp_path / fold) for fold in folds}
    (result,), singles = report.results, [one.results[0] for one in own.values()]
    values = [one.metrics['top1'].mean for one in singles]
    assert result.metrics['top1'].values == values and np.isfinite(result.metrics['top1'].std)
    assert result.card.folds == ['fold1', 'fold2'] and result.card.pretraining_seeds == []
    assert result.card.test_split.split() == [one.card.test_split for one in singles]
    assert report.data.test_split == 'fold1_test fold2_test'
    assert [(m.card.folds, m.metrics) for m in report.members] == [([f], own[f].results[0].metrics) for f in folds]
    # Each clip is tested once, and what has to be beaten is a mean over the folds as well.
    predictions = np.load(tmp_path / result.files['predictions'])
    assert predictions['scores'].shape[:2] == (1, 33) and len(set(predictions['names'])) == 33
    assert predictions['labels'].shape == (33,) and np.sum(result.confusion) == 33
    correct = predictions['scores'][0].argmax(1) == predictions['labels']
    assert 100 * correct[:21].mean() == pytest.approx(values[0])
    for method in ('raw coordinates', 'random encoder, seed 0'):
        (found,) = (r for r in report.references if (r.protocol, r.card.method) == ('knn', method))
        assert found.metrics['top1'].values == [
            r.metrics['top1'].mean
            for one in own.values()
            for r in one.references
            if (r.protocol, r.card.method) == ('knn', method)
        ]
    # A fold is marked in its own report alone: there are the numbers that it has to beat.
    raw = next(r for r in report.references if (r.protocol, r.card.method) == ('knn', 'raw coordinates'))
    better = replace(raw, metrics=dict(top1=Statistic([101.0])))
    harder = replace(report, references=[better])
    assert marks(harder, result)[0].sign == '↓raw' and not any(marks(harder, member) for member in report.members)
    for fold, one in zip(folds, singles, strict=True):
        assert f'| knn | joint, {fold} | {one.metrics["top1"]} ' in out
    assert 'Folds' in (tmp_path / 'report.md').read_text()


def test_the_report_over_folds_lies_beside_the_checkpoints(folds, run_tool):
    status, _, err = run_tool('evaluate.py', *folds.values(), '--protocols', 'knn', '--no-references')
    assert status == 0, err
    (found,) = Path(os.path.commonpath(folds.values())).glob('fold1-fold2.evaluation/report.json')
    assert load_report(found).results[0].card.folds == ['fold1', 'fold2']


def test_only_the_splits_of_folds_may_differ(folds):
    models = [read_pretrained(path) for path in folds.values()]
    assert are_folds(models) and check_folds(models) == ['fold1', 'fold2']
    other = dict(models[1].test_set, store='elsewhere')
    for changed, message in [
        (dict(test_set=models[0].test_set), 'fold1 is there twice'),
        (dict(seed=4), 'in seed, not in the splits alone'),
        (dict(test_set=other), 'differ in test_set, not in the splits alone'),
    ]:
        with pytest.raises(CheckpointError, match=message):
            check_folds([models[0], replace(models[1], **changed)])
