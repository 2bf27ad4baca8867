from dataclasses import replace

import pytest

from mmskelssl.evaluation.results import (
    DataDescription,
    EvaluationReport,
    ProtocolCard,
    ProtocolResult,
    Statistic,
    fast_form,
    marks,
)

CARD = ProtocolCard('CMD', 'a' * 64, ['joint'], 'set', 'b' * 64, 'c' * 64, 64, 'crop', 'centre')
DATA = DataDescription('set', 'data/set', 'train', 'test', {}, ['a', 'b'])


def result(protocol, *values, modality='joint', method='CMD'):
    card = replace(CARD, method=method, modalities=modality.split('+'))
    return ProtocolResult(protocol, modality, dict(top1=Statistic(list(values))), card, [50.0, 50.0], [[1, 1], [1, 1]])


def raw(protocol, *values, of='raw coordinates'):
    return result(protocol, *values, method=of)


def random(protocol, *values, modality='joint'):
    return result(protocol, *values, modality=modality, method='random encoder, seed 0')


def report(results, references=()):
    return EvaluationReport('x.pth', 'CMD', DATA, list(results), list(references))


def signs(results, references=()):
    made = report(results, references)
    return [[mark.sign for mark in marks(made, result)] for result in made.results]


@pytest.mark.parametrize(
    ('value', 'expected'),
    [(60.0, []), (50.0, []), (45.0, ['↓raw']), (40.0, ['↓raw']), (30.0, ['↓raw', '↓random'])],
)
def test_a_result_below_a_reference_is_marked(value, expected):
    assert signs([result('knn', value)], [raw('knn', 50.0), random('knn', 40.0)]) == [expected]


def test_the_best_normalization_of_raw_coordinates_counts_and_is_named():
    references = [raw('knn', 40.0), raw('knn', 55.0, of='raw coordinates, CenterClip')]
    made = report([result('knn', 50.0)], references)
    (mark,) = marks(made, made.results[0])
    assert mark.sentence == (
        '↓raw: below raw coordinates (raw coordinates, CenterClip: knn 55.0); '
        'without an encoder, coordinates tell the classes better.'
    )


def test_means_are_compared_and_only_those_of_one_protocol_and_stream():
    references = [raw('knn20', 90.0), raw('linear-fast', 50.0), random('knn', 90.0, modality='bone')]
    assert signs([result('knn', 10.0), result('linear', 40.0, 58.0), result('finetune', 1.0)], references) == [
        [],
        ['↓raw'],  # their linear form is the fast one
        [],
    ]


def test_an_ensemble_has_to_beat_its_members_and_their_references():
    members = [result('linear', 80.0), result('linear', 60.0, modality='bone')]
    fused = result('linear-3s', 70.0, modality='joint+bone')
    references = [raw('linear-fast', 75.0), random('linear-fast-3s', 72.0, modality='joint+bone')]
    assert signs([*members, fused], references)[2] == ['↓raw', '↓random', '↓member']
    made = report([*members, fused])
    assert marks(made, fused)[0].sentence.startswith('↓member: below its member joint (80.0); ')
    assert signs([*members, replace(fused, metrics=dict(top1=Statistic([80.0])))])[2] == []


@pytest.mark.parametrize(
    ('name', 'fast'),
    [
        ('linear', 'linear-fast'),
        ('linear-mmcv', 'linear-mmcv-fast'),
        ('linear-3s', 'linear-fast-3s'),
        ('linear-fast', 'linear-fast'),
        ('linear-fast-2s', 'linear-fast-2s'),
        ('knn20', 'knn20'),
        ('finetune', 'finetune'),
    ],
)
def test_form_of_a_protocol_that_references_are_measured_by(name, fast):
    assert fast_form(name) == fast
