import argparse
import errno
from dataclasses import replace

import numpy as np
import pytest

from mmskelssl.datasets.clip_store import ClipStore, ClipStoreWriter
from mmskelssl.datasets.conversion import add_conversion_arguments, convert, run_conversion
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.datasets.readers.base import RawClip, Reader
from mmskelssl.utils.errors import ClipError, StoreError


def body(seed=0, persons=1, frames=4):
    return np.random.default_rng(seed).standard_normal((persons, frames, 25, 3)).astype(np.float32)


def with_gap(seed=0):
    clip = body(seed, 3)
    clip[1] = 0
    return clip


class ListReader(Reader):
    """A reader of what it is given, one source each; cameras below 3 train."""

    layout, classes, source, fingerprint = NTU25, ['a', 'b'], dict(dataset='made up'), 'made up'

    def __init__(self, *clips):
        self.clips = clips

    def __len__(self):
        return len(self.clips)

    def read(self, index):
        if isinstance(self.clips[index], ClipError):
            raise self.clips[index]
        return [self.clips[index]]

    def splits(self, clips):
        assert all(clip.clip.size == 0 for clip in clips)
        return {'train': [i for i, clip in enumerate(clips) if clip.attributes['camera'] < 3]}


def raw(name, label=0, clip=None, camera=1):
    return RawClip(name, label, body() if clip is None else clip, dict(camera=camera))


MIXED = [
    raw('first', 1),
    raw('joints', clip=np.ones((1, 4, 20, 3))),
    raw('gap', clip=with_gap(), camera=3),
    ClipError("Clip 'unreadable' cannot be read."),
    raw('label', 5),
    raw('nobody', clip=np.zeros((2, 4, 25, 3))),
    raw('flat', clip=np.ones((4, 75))),
    raw('last', 0, body(7)),
]
SKIPPED = ['joints', 'unreadable', 'label', 'nobody', 'flat']


def run(tmp_path, reader, *flags, expected=None):
    parser = argparse.ArgumentParser()
    add_conversion_arguments(parser)
    return run_conversion(lambda args: reader, parser.parse_args([str(tmp_path / 'store'), *flags]), expected)


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


def test_report_tells_everything(tmp_path):
    text = str(convert(ListReader(*MIXED), tmp_path / 'store'))
    lines = text.splitlines()
    assert lines[0] == '3 clips written; splits: train 2.'
    assert lines[1:3] == ['1 clips repaired:', "  Clip 'gap': 1 empty person(s) dropped."]
    assert lines[3] == '5 clips skipped:' and len(lines) == 9
    clean = str(convert(ListReader(raw('one')), tmp_path / 'clean'))
    assert clean.splitlines()[1:] == ['0 clips repaired.', '0 clips skipped.']


def test_half_precision(tmp_path):
    convert(ListReader(raw('one')), tmp_path / 'store', dtype='float16')
    store = ClipStore(tmp_path / 'store')
    assert store.frames.dtype == np.float16
    np.testing.assert_allclose(store[0], body(), atol=2e-3)


def test_strict_stops_at_the_first_unusable_clip(tmp_path):
    with pytest.raises(ClipError, match='joints'):
        convert(ListReader(*MIXED), tmp_path / 'store', strict=True)
    assert list(tmp_path.iterdir()) == []


def test_nothing_usable_is_no_store(tmp_path):
    with pytest.raises(StoreError, match='No usable clip'):
        convert(ListReader(MIXED[1], MIXED[3]), tmp_path / 'store')
    assert list(tmp_path.iterdir()) == []


def test_run_succeeds_and_tells_where_the_store_is(tmp_path, capsys):
    assert run(tmp_path, ListReader(*MIXED), expected={'train': 2}) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == f'store: {tmp_path / "store"}'
    assert "Clip 'unreadable' cannot be read." in out
    assert 'warning' not in err


def test_run_says_that_a_set_is_partial(tmp_path, capsys):
    assert run(tmp_path, ListReader(*MIXED), expected={'train': 9, 'test': 4}) == 0
    err = capsys.readouterr().err
    assert 'partial data set: split train has 2 clips, the published set 9.' in err
    assert 'split test has 0 clips, the published set 4.' in err


@pytest.mark.parametrize(
    'reader, flags, message',
    [
        (ListReader(*MIXED), ['--strict'], 'joints'),
        (ListReader(MIXED[1]), [], 'No usable clip'),
    ],
)
def test_run_fails_with_one_line_and_leaves_nothing(tmp_path, capsys, reader, flags, message):
    assert run(tmp_path, reader, *flags) == 1
    out, err = capsys.readouterr()
    (line,) = [line for line in err.splitlines() if line.startswith('error: ')]
    assert message in line and out == ''
    assert list(tmp_path.iterdir()) == []


def test_run_does_not_replace_a_store_unless_told_to(tmp_path, capsys):
    assert run(tmp_path, ListReader(raw('old'))) == 0
    assert run(tmp_path, ListReader(raw('new'))) == 1
    assert '--overwrite' in capsys.readouterr().err
    assert ClipStore(tmp_path / 'store').names.tolist() == ['old']
    assert run(tmp_path, ListReader(MIXED[1]), '--overwrite') == 1
    assert ClipStore(tmp_path / 'store').names.tolist() == ['old']
    assert run(tmp_path, ListReader(raw('new')), '--overwrite', '--dtype', 'float16') == 0
    store = ClipStore(tmp_path / 'store')
    assert store.names.tolist() == ['new'] and store.frames.dtype == np.float16


def test_run_on_a_full_disk(tmp_path, capsys, monkeypatch):
    def full(self, *args, **kwargs):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(ClipStoreWriter, 'add', full)
    assert run(tmp_path, ListReader(*MIXED)) == 1
    err = capsys.readouterr().err
    assert 'error: Cannot write' in err and 'No space left on device' in err
    assert f'kept in {tmp_path / "store.unfinished"}: give the same command again to go on' in err
    monkeypatch.undo()
    assert run(tmp_path, ListReader(*MIXED)) == 0
    assert list(tmp_path.iterdir()) == [tmp_path / 'store']


def test_run_that_is_interrupted_says_how_to_go_on(tmp_path, capsys, monkeypatch):
    def interrupt(self, *args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ClipStoreWriter, 'add', interrupt)
        assert run(tmp_path, ListReader(*MIXED)) == 130
    assert (
        f'interrupted. What is done is kept in {tmp_path / "store.unfinished"}: give the same'
        in capsys.readouterr().err
    )
    assert run(tmp_path, ListReader(*MIXED), '--workers', '2') == 0
    assert ClipStore(tmp_path / 'store').names.tolist() == ['first', 'gap', 'last']


def test_workers_are_at_least_one(tmp_path, capsys):
    with pytest.raises(SystemExit):
        run(tmp_path, ListReader(*MIXED), '--workers', '0')
    assert '0 is not positive' in capsys.readouterr().err
