import json
from dataclasses import asdict, replace

import numpy as np
from list_reader import MIXED, SKIPPED, ListReader, body, raw, with_gap

from mmskelssl.converters.convert import convert
from mmskelssl.datasets.clip_store import ClipStore


def test_usable_clips_are_kept_and_the_others_named(tmp_path):
    report = convert(ListReader(*MIXED), tmp_path / 'store')
    store = ClipStore(tmp_path / 'store')
    assert store.names.tolist() == ['first', 'gap', 'last']
    assert store.labels.tolist() == [1, 0, 0]
    assert store.attributes['camera'].tolist() == [1, 3, 1]
    assert store.split('train').tolist() == [0, 2]
    np.testing.assert_array_equal(store[2], body(7))
    assert report.num_clips == 3 and report.splits == {'train': 2}
    for name, message in zip(SKIPPED, report.skipped, strict=True):
        assert message.startswith(f"Clip '{name}'")
    assert store.source == dict(dataset='made up', skipped=5, repaired=1)


def test_persons_without_coordinates_are_dropped(tmp_path):
    report = convert(ListReader(raw('gap', clip=with_gap())), tmp_path / 'store')
    np.testing.assert_array_equal(ClipStore(tmp_path / 'store')[0], with_gap()[[0, 2]])
    assert report.repaired == ["Clip 'gap': 1 empty person(s) dropped."]


def test_messages_say_where_a_clip_was_read_and_what_the_reader_changed(tmp_path):
    changed = replace(raw('good', clip=with_gap()), origin='a.txt:3', repairs=['2 frames were cut off.'])
    refused = replace(raw('bad', 5), origin='b.txt')
    report = convert(ListReader(changed, refused, replace(changed, origin='c.txt')), tmp_path / 'store')
    assert report.repaired == [
        "a.txt:3: Clip 'good': 2 frames were cut off.",
        "a.txt:3: Clip 'good': 1 empty person(s) dropped.",
    ]
    assert report.skipped == [
        "b.txt: Clip 'bad' has label 5, but labels go from 0 to 1.",
        "c.txt: Clip 'good' comes twice: names must be unique.",
    ]


def test_store_keeps_its_report(tmp_path):
    report = convert(ListReader(*MIXED), tmp_path / 'store')
    assert json.loads((tmp_path / 'store' / 'conversion.json').read_text()) == json.loads(json.dumps(asdict(report)))
    assert report.source == ClipStore(tmp_path / 'store').source
