import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mmskelssl.evaluation.results import (
    DataDescription,
    EvaluationReport,
    ProtocolCard,
    ProtocolResult,
    Statistic,
    save_report,
)

TOOL = Path(__file__).parents[2] / 'tools' / 'analysis_tools' / 'compare_results.py'
CARD = ProtocolCard('CMD', '1' * 64, ['joint'], 'set', 'a' * 64, 'b' * 64, 64, 'crop', 'centre', batch_size=64)
DATA = DataDescription('set', 'data/set', 'train', 'test', {}, ['a', 'b'])


def result(protocol, card, *values, **metrics):
    metrics = {name: Statistic(list(v)) for name, v in dict(top1=values, **metrics).items()}
    return ProtocolResult(protocol, 'joint', metrics, card, [50.0, 50.0], [[1, 1], [1, 1]])


@pytest.fixture
def run(monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location('compare_results', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def run(*args):
        monkeypatch.setattr(sys, 'argv', ['compare_results.py', *map(str, args)])
        return module.main(), *capsys.readouterr()

    return run


@pytest.fixture
def reports(tmp_path):
    other = replace(CARD, method='I2MD', weights='2' * 64, seeds=[0, 1])
    for name, results in {
        'a': [result('linear', CARD, 61.0), result('knn', replace(CARD, k=1), 50.0, map=[30.0])],
        'b': [result('linear', other, 60.0, 64.0), result('knn', replace(other, k=5, test_split='c' * 64), 52.0)],
    }.items():
        save_report(EvaluationReport('x.pth', 'CMD', DATA, results), tmp_path / name / 'report.json')
    return [tmp_path / name for name in 'ab']


def test_unlike_cards_are_marked_and_alike_ones_are_not(run, reports):
    status, out, _ = run(*reports)
    assert status == 0
    assert out.splitlines() == [
        '| method | modality | data | weights | linear | knn |',
        '| --- | --- | --- | --- | --- | --- |',
        '| CMD | joint | set | 11111111 | 61.0 | 50.0 |',
        '| I2MD | joint | set | 22222222 | 62.0 ± 2.8 | 52.0 [1] |',
        '',
        '[1] knn: not comparable with the first number of its column: test_split is cccccccc, not bbbbbbbb; '
        'k is 5, not 1.',
    ]


def test_of_a_schedule_only_what_differs_is_said(run, tmp_path):
    for name, lr in (('a', 0.1), ('b', 0.01)):
        card = replace(CARD, schedule=dict(optimizer='SGD', lr=lr, epochs=80))
        save_report(
            EvaluationReport('x.pth', 'CMD', DATA, [result('linear', card, 60.0)]), tmp_path / name / 'report.json'
        )
    _, out, _ = run(tmp_path / 'a', tmp_path / 'b')
    assert out.splitlines()[-1].endswith('column: schedule.lr is 0.01, not 0.1.')


def test_the_same_encoder_twice_has_two_rows(run, reports):
    _, out, _ = run(reports[0], reports[0])
    assert sum(line.startswith('| CMD') for line in out.splitlines()) == 2


def test_references_of_several_reports_have_one_row_and_what_is_below_is_marked(run, tmp_path):
    raw, random = (replace(CARD, method=method, weights=digit * 64) for digit, method in
                   (('8', 'raw coordinates'), ('9', 'random encoder, seed 0')))  # fmt: skip
    references = [result('knn', raw, 60.0), result('knn', random, 40.0)]
    for name, value in dict(a=70.0, b=50.0).items():
        card = replace(CARD, method=f'method {name}')
        report = EvaluationReport('x.pth', 'CMD', DATA, [result('knn', card, value)], references)
        save_report(report, tmp_path / name / 'report.json')
    assert run(tmp_path / 'a', tmp_path / 'b')[1].splitlines()[2:] == [
        '| method a | joint | set | 11111111 | 70.0 |',
        '| raw coordinates | joint | set | 88888888 | 60.0 |',
        '| random encoder, seed 0 | joint | set | 99999999 | 40.0 |',
        '| method b | joint | set | 11111111 | 50.0 ↓raw |',
        '',
        'method b, knn, joint: ↓raw: below raw coordinates (raw coordinates: knn 60.0); without an encoder, '
        'coordinates tell the classes better.',
    ]


def test_metric_and_file(run, reports, tmp_path):
    status, out, _ = run(*reports, '--metric', 'map', '--out', tmp_path / 'table.md')
    assert status == 0
    assert (tmp_path / 'table.md').read_text() == out
    assert '| 30.0 |' in out and 'linear' not in out


def test_what_is_no_report_is_named(run, tmp_path):
    assert run(tmp_path)[0] == 1
    status, _, err = run(tmp_path / 'none')
    assert status == 1 and f'No report at {tmp_path / "none"}' in err


def test_unknown_metric(run, reports):
    status, _, err = run(*reports, '--metric', 'top7')
    assert status == 1 and "No report has a metric 'top7'" in err
