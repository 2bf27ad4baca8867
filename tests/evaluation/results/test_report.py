import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmskelssl.evaluation.results import (
    DataDescription,
    EvaluationReport,
    ProtocolCard,
    ProtocolResult,
    Statistic,
    load_report,
    save_report,
)
from mmskelssl.utils.errors import ReportError

CARD = ProtocolCard(
    method='CMD',
    weights='a' * 64,
    modalities=['joint'],
    dataset='nw_ucla',
    train_split='b' * 64,
    test_split='c' * 64,
    num_frames=64,
    train_crop='TemporalCropResize(...)',
    test_crop='CenterCropResize(...)',
    trained='classifier',
    batch_size=64,
    schedule=dict(optimizer='SGD', lr=0.1, epochs=80),
    seeds=[0, 1],
    versions=dict(torch='2.9'),
)
RESULT = ProtocolResult(
    protocol='linear',
    modality='joint',
    metrics=dict(top1=Statistic([60.0, 62.0]), top5=Statistic([90.0, 92.0])),
    card=CARD,
    per_class_accuracy=[61.0, None],
    confusion=[[3, 1], [0, 0]],
    remarks=['drop trash has no test clip'],
    files=dict(predictions='linear-joint.npz'),
)
REPORT = EvaluationReport(
    checkpoint='epoch_1.pth',
    method='CMD',
    data=DataDescription('nw_ucla', 'data/nw_ucla', 'train', 'test', dict(name='kinect20'), ['gehen', 'größer']),
    results=[RESULT, replace(RESULT, protocol='knn', card=replace(CARD, k=1))],
    curves=dict(loss=[[1, 2.5], [2, 2.0]]),
    epoch=7,
)


def test_a_report_comes_back(tmp_path):
    save_report(REPORT, tmp_path / 'report.json')
    assert load_report(tmp_path) == load_report(tmp_path / 'report.json') == REPORT
    assert [path.name for path in tmp_path.iterdir()] == ['report.json']
    written = json.loads((tmp_path / 'report.json').read_text(encoding='utf-8'))
    assert written['results'][0]['metrics']['top1'] == dict(mean=61.0, std=pytest.approx(2**0.5), values=[60.0, 62.0])


def test_results_are_found_by_protocol_and_modality():
    assert REPORT.result('knn', 'joint').card.k == 1
    assert REPORT.result('knn', 'bone') is None


@given(st.lists(st.floats(0, 100), min_size=1, max_size=6), st.floats(-10, 10))
def test_statistic(values, shift):
    statistic, shifted = Statistic(values), Statistic([value + shift for value in values])
    assert min(values) - 1e-9 <= statistic.mean <= max(values) + 1e-9
    assert shifted.mean == pytest.approx(statistic.mean + shift, abs=1e-9)
    if len(values) == 1:
        assert statistic.std is None and '±' not in str(statistic)
    else:
        assert shifted.std == pytest.approx(statistic.std, abs=1e-6)


def test_numbers_as_they_are_printed():
    assert str(Statistic([60.04, 62.0])) == '61.0 ± 1.4'
    assert str(Statistic([61.25])) == '61.2'


@pytest.mark.parametrize(
    ('changed', 'unlike'),
    [
        (dict(method='I2MD', weights='d', modalities=['bone'], seeds=[3], versions={}), []),
        (dict(batch_size=128), ['batch_size']),
        (dict(train_split='d', k=5), ['train_split', 'k']),
        (dict(draws=['e']), ['draws']),
        (dict(schedule=dict(CARD.schedule, lr=3.0)), ['schedule']),
    ],
)
def test_cards_are_alike_if_only_the_encoder_differs(changed, unlike):
    other = replace(CARD, **changed)
    assert CARD.unlike(other) == other.unlike(CARD) == unlike
    assert set(CARD.differences(other)) == set(changed)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (None, 'No report at .*check the path'),
        ('{"format": ', 'is damaged, or not a report.json of tools/evaluate.py'),
        ('[1]', 'is not an evaluation report'),
        ('{"format": "mmskelssl.evaluation_report", "version": 9}', 'version 9 of the report'),
        ('{"format": "mmskelssl.evaluation_report", "version": 1, "data": {}, "results": []}', 'is damaged'),
    ],
)
def test_bad_reports_are_refused_by_name(tmp_path, text, message):
    path = tmp_path / 'report.json'
    if text is not None:
        path.write_text(text)
    with pytest.raises(ReportError, match=message) as caught:
        load_report(tmp_path)
    assert str(path) in str(caught.value) and '\n' not in str(caught.value)


def test_nothing_is_lost_when_a_report_cannot_be_written(tmp_path):
    path = tmp_path / 'report.json'
    save_report(REPORT, path)
    with pytest.raises(ValueError, match='not JSON compliant'):
        save_report(replace(REPORT, curves=dict(loss=[[1, float('nan')]])), path)
    assert load_report(path) == REPORT
