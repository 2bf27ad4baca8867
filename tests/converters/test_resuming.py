import os
import select
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmskelssl.converters.base import RawClip, Reader
from mmskelssl.converters.convert import convert
from mmskelssl.converters.journal import resumable_folder, unfinished_folder
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.utils.errors import ClipError, StoreError

NUM_SOURCES = 40


class Numbered(Reader):
    """Source i gives i % 3 clips, each with something special, and an error in every fifth source.

    Args:
        at: Before this source is read, ``happen`` is called.
        happen: An accident.
        fingerprint: That of the input.
    """

    layout, classes, source = NTU25, ['a', 'b'], dict(dataset='numbered')

    def __init__(self, at=None, happen=None, fingerprint='same'):
        self.at, self.happen, self.fingerprint = at, happen, fingerprint

    def __len__(self):
        return NUM_SOURCES

    def read(self, index):
        if index == self.at:
            self.happen()
        for number in range(index % 3):
            rng = np.random.default_rng([index, number])
            clip = rng.standard_normal((1 + number, 2 + index, 25, 3)).astype(np.float32)
            clip[number if index % 2 else 0, 0] = 0
            if index % 7 == 1:
                clip = np.concatenate([clip, np.zeros_like(clip)])
            attributes = dict(number=np.int64(number), share=0.1 * index, recording=f'é{index}')
            yield RawClip(f'{index} {number}', number, clip, attributes, f'file {index}', ('cut short.',) * number)
        if index % 5 == 2:
            yield ClipError(f'file {index}: no good')
        if index == 12:
            yield RawClip('4 0', 0, np.ones((1, 1, 25, 3)), dict(number=0, share=0, recording=''), 'file 12')
            raise ClipError('file 12: the rest is missing')

    def splits(self, clips):
        return {'train': [i for i, clip in enumerate(clips) if clip.attributes['number'] == 0]}


def interrupt():
    raise KeyboardInterrupt


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def content(path):
    return {file.name: file.read_bytes() for file in Path(path).iterdir()}


@pytest.fixture(scope='module')
def expected(tmp_path_factory):
    """Report and files of a conversion that was left alone."""
    path = tmp_path_factory.mktemp('expected') / 'store'
    report = convert(Numbered(), path)
    assert len(ClipStore(path)) == report.num_clips > 20 and len(report.skipped) > 5 and len(report.repaired) > 5
    return report, content(path)


def assert_same(path, report, expected):
    assert report == expected[0]
    assert content(path) == expected[1]
    assert [file for file in path.parent.iterdir() if file.name.startswith('store')] == [path]


def fork(work):
    """Runs a function in a child process, which never comes back to the tests."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    return child


def in_a_fork(work):
    """The same, and waits for how it ends."""
    return os.waitstatus_to_exitcode(os.waitpid(fork(work), 0)[1])


@pytest.mark.parametrize('workers', [1, 3])
@pytest.mark.parametrize('at', [0, 1, 12, NUM_SOURCES - 1])
def test_an_interrupted_conversion_goes_on_and_ends_in_the_same_bytes(tmp_path, expected, at, workers):
    with pytest.raises(KeyboardInterrupt):
        convert(Numbered(at, interrupt), tmp_path / 'store')
    assert not (tmp_path / 'store').exists()
    report = convert(Numbered(), tmp_path / 'store', workers=workers)
    assert_same(tmp_path / 'store', report, expected)


def test_sources_that_are_done_are_not_read_again(tmp_path, expected):
    with pytest.raises(KeyboardInterrupt):
        convert(Numbered(10, interrupt), tmp_path / 'store')
    report = convert(Numbered(9, pytest.fail), tmp_path / 'store')
    assert_same(tmp_path / 'store', report, expected)


def test_a_killed_conversion_goes_on(tmp_path, expected):
    for at in (3, 11, 12, 20):
        assert in_a_fork(lambda at=at: convert(Numbered(at, die), tmp_path / 'store')) == -signal.SIGKILL
        assert unfinished_folder(tmp_path / 'store').exists()
    assert_same(tmp_path / 'store', convert(Numbered(), tmp_path / 'store'), expected)


def test_half_precision_goes_on(tmp_path):
    convert(Numbered(), tmp_path / 'alone', dtype='float16')
    with pytest.raises(KeyboardInterrupt):
        convert(Numbered(15, interrupt), tmp_path / 'store', dtype='float16')
    convert(Numbered(), tmp_path / 'store', dtype='float16')
    assert content(tmp_path / 'store') == content(tmp_path / 'alone')


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_what_a_crash_of_the_machine_left_damaged_is_done_again(tmp_path_factory, expected, data):
    path = tmp_path_factory.mktemp('crash') / 'store'
    with pytest.raises(KeyboardInterrupt):
        convert(Numbered(20, interrupt), path)
    unfinished = unfinished_folder(path)
    name = data.draw(st.sampled_from(['journal.jsonl', 'store/frames.bin']))
    damaged = bytearray((unfinished / name).read_bytes())
    start = data.draw(st.integers(0, len(damaged) - 1))
    if data.draw(st.booleans()):
        del damaged[start:]
    else:
        # Blocks that were never written.
        damaged[start : start + 4096] = bytes(len(damaged[start : start + 4096]))
    (unfinished / name).write_bytes(damaged)
    assert_same(path, convert(Numbered(), path), expected)


@pytest.mark.parametrize(
    'other', [dict(dtype='float16'), dict(reader=Numbered(fingerprint='other'))], ids=['precision', 'source']
)
def test_another_conversion_begins_anew(tmp_path, other):
    with pytest.raises(KeyboardInterrupt):
        convert(Numbered(15, interrupt), tmp_path / 'store')
    reader = other.pop('reader', Numbered())
    convert(reader, tmp_path / 'store', **other)
    convert(Numbered(), tmp_path / 'alone', **other)
    assert content(tmp_path / 'store') == content(tmp_path / 'alone')


def test_refused_data_leave_nothing_behind(tmp_path):
    with pytest.raises(ClipError, match='no good'):
        convert(Numbered(), tmp_path / 'store', strict=True)
    assert list(tmp_path.iterdir()) == []


def test_strict_refuses_what_was_skipped_before_the_break(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        convert(Numbered(15, interrupt), tmp_path / 'store')
    with pytest.raises(ClipError, match='file 2: no good'):
        convert(Numbered(), tmp_path / 'store', strict=True)


def test_the_old_store_stays_until_the_new_one_is_whole(tmp_path, expected):
    report = convert(Numbered(), tmp_path / 'store')
    with pytest.raises(KeyboardInterrupt):
        convert(Numbered(15, interrupt, fingerprint='new'), tmp_path / 'store', overwrite=True)
    assert content(tmp_path / 'store') == expected[1]
    with pytest.raises(FileExistsError, match='--overwrite'):
        convert(Numbered(), tmp_path / 'store')
    report = convert(Numbered(), tmp_path / 'store', overwrite=True)
    assert_same(tmp_path / 'store', report, expected)


def test_an_old_store_caught_between_two_renames_comes_back(tmp_path, expected):
    convert(Numbered(), tmp_path / 'store')
    unfinished = unfinished_folder(tmp_path / 'store')
    unfinished.mkdir()
    (tmp_path / 'store').rename(unfinished / 'replaced')
    with pytest.raises(FileExistsError):
        convert(Numbered(), tmp_path / 'store')
    assert content(tmp_path / 'store') == expected[1]


def test_two_processes_do_not_write_one_store(tmp_path, expected):
    with resumable_folder(tmp_path / 'store'):
        with pytest.raises(StoreError, match='is being written by another process'):
            convert(Numbered(), tmp_path / 'store')
        assert unfinished_folder(tmp_path / 'store').exists()
    assert (tmp_path / 'store').exists()


@pytest.mark.parametrize('workers', [2, 5])
def test_workers_make_the_same_store(tmp_path, expected, workers):
    assert_same(tmp_path / 'store', convert(Numbered(), tmp_path / 'store', workers=workers), expected)


def test_a_killed_worker_ends_the_conversion_which_can_go_on(tmp_path, expected):
    with pytest.raises(StoreError, match=r'was killed.*kept in .*store.unfinished.*fewer --workers'):
        convert(Numbered(14, die), tmp_path / 'store', workers=2)
    assert_same(tmp_path / 'store', convert(Numbered(), tmp_path / 'store', workers=2), expected)


def test_workers_end_with_a_killed_conversion(tmp_path):
    """Each worker holds the writing end of a pipe: the reading end sees its end once all of them are gone."""
    reading, writing = os.pipe()

    def hang():
        (tmp_path / 'at work').touch()
        time.sleep(60)

    child = fork(lambda: os.close(reading) or convert(Numbered(12, hang), tmp_path / 'store', workers=3))
    os.close(writing)
    deadline = time.monotonic() + 30
    while not (tmp_path / 'at work').exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert select.select([reading], [], [], 30)[0], 'a worker is left behind'
    assert os.read(reading, 1) == b''
    os.close(reading)
