import os
import select
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from mmskelssl.converters.base import RawClip, Reader
from mmskelssl.converters.convert import convert
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.utils.errors import ClipError, StoreError

NUM_SOURCES = 40


class Numbered(Reader):
    """Source i gives i % 3 clips, each with something special, and an error in every fifth source.

    Args:
        at: Before this source is read, ``happen`` is called.
        happen: An accident.
    """

    layout, classes, source = NTU25, ['a', 'b'], dict(dataset='numbered')

    def __init__(self, at=None, happen=None):
        self.at, self.happen = at, happen

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


def fork(work):
    """Runs a function in a child process, which never comes back to the tests."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    return child


@pytest.mark.parametrize('workers', [2, 5])
def test_workers_make_the_same_store(tmp_path, expected, workers):
    report = convert(Numbered(), tmp_path / 'store', workers=workers)
    assert (report, content(tmp_path / 'store')) == expected


def test_a_killed_worker_ends_the_conversion(tmp_path):
    with pytest.raises(StoreError, match=r'was killed.*Nothing was written.*fewer --workers'):
        convert(Numbered(14, die), tmp_path / 'store', workers=2)
    assert list(tmp_path.iterdir()) == []


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
