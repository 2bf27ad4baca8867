import pytest

from mmskelssl.converters.report import report_on
from mmskelssl.datasets.clip_store import ClipStore


@pytest.fixture
def store(make_store):
    return ClipStore(make_store(lengths=(1, 2, 7, 30)))


def test_report_counts(store):
    report = report_on(store, ['a: gone'], [])
    assert (report.num_clips, report.num_frames, report.lengths) == (4, 40, (1, 7, 30))
    assert (report.classes, report.class_counts) == (['wave', 'sit', 'jump'], [2, 1, 1])
    assert report.persons == {1: 2, 2: 2}
    assert report.attributes == {'performer': 4}
    assert report.splits == {'train': 3, 'test': 1}
    assert (report.dtype, report.num_bytes) == ('float32', (1 + 2 * 2 + 7 + 2 * 30) * 25 * 3 * 4)


def test_report_for_people(store):
    assert str(report_on(store, ['a: gone', 'b: gone'], ['c: changed'])).splitlines() == [
        '4 clips written; splits: train 3, test 1.',
        '40 frames, 1 to 30 per clip (median 7); float32, 0.0 MB.',
        '3 classes of 1 to 2 clips.',
        'Persons per clip: 1 in 2, 2 in 2.',
        'Different values: performer 4.',
        '1 clips repaired:',
        '  c: changed',
        '2 clips skipped:',
        '  a: gone',
        '  b: gone',
    ]


def test_long_lists_are_cut_and_classes_may_be_empty(store):
    store.classes.append('walk')
    lines = str(report_on(store, [f'clip {i}' for i in range(60)], [])).splitlines()
    assert lines[2] == '4 classes of 1 to 2 clips, 1 of them empty.'
    assert lines[5:7] == ['0 clips repaired.', '60 clips skipped:']
    assert lines[-2:] == ['  clip 49', '  and 10 more, listed in conversion.json of the store.']


def test_classes_of_one_size(make_store):
    assert '3 classes of 1 clips each.' in str(report_on(ClipStore(make_store(lengths=(5, 6, 7))), [], []))
