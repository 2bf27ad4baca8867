import numpy as np
import pytest

from mmskelssl.datasets import normalized_cache
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.datasets.normalized_cache import normalized_clips

BASE = NTU25.spine[0]


@pytest.fixture
def told(monkeypatch):
    """What is written to the log."""
    messages = []
    monkeypatch.setattr(normalized_cache, 'print_log', lambda message, *_: messages.append(message))
    return messages


@pytest.fixture
def store(tmp_path):
    """Six clips; the base of the spine is lost in the second, the fourth and the sixth one."""
    clips = np.random.default_rng(0).normal(size=(6, 1, 5, 25, 3))
    clips[1::2, :, :, BASE] = 0
    with ClipStore.create(tmp_path / 'store', 'ntu25', ['a']) as out:
        for number, clip in enumerate(clips):
            out.add(f'c{number}', 0, clip)
    return ClipStore(tmp_path / 'store')


def test_clips_that_a_step_leaves_are_told_once(store, told, tmp_path, monkeypatch):
    monkeypatch.setattr(normalized_cache, '_CHUNK', 5)  # the last one is of one clip
    for _ in range(2):
        normalized_clips(store, [dict(type='CenterPersons'), dict(type='CenterClip')], tmp_path / 'cache')
    (message,) = told
    assert message.startswith(f'CenterClip leaves 3 of 6 clips of {store.path} as they were')
    assert 'c1, c3, c5.' in message


def test_nothing_is_told_of_steps_that_have_their_joints(store, told, tmp_path):
    normalized_clips(store, [dict(type='AlignShoulders'), dict(type='ResizeClips', num_frames=4)], tmp_path / 'cache')
    assert not told
