import json

import numpy as np
import pytest
from list_reader import body

from mmskelssl.converters.doctor import verify
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.utils.errors import StoreError

CLIPS = {'a': (0, body(0)), 'b': (1, body(1, 2)), 'c': (0, body(2, 1, 1)), 'd': (1, body(3, 2, 7))}
SPLITS = {'xsub_train': ['a', 'b'], 'xsub_test': ['c', 'd']}


def write(path, clips=CLIPS, splits=SPLITS, dtype='float32', **source):
    names = list(clips)
    with ClipStore.create(path, 'ntu25', ['wave', 'sit'], dtype) as writer:
        for name, (label, clip) in clips.items():
            writer.add(name, label, clip, camera=1)
        writer.splits.update({split: [names.index(name) for name in members] for split, members in splits.items()})
        writer.source.update(source)
    return path


def test_a_whole_store(tmp_path):
    result = verify(write(tmp_path / 'store', dataset='made up'))
    assert result.errors == result.warnings == []
    lines = str(result).splitlines()
    assert lines == [
        f'{tmp_path / "store"}: 4 clips, 16 frames, 2 classes, layout ntu25, float32',
        'bodies: 2 with 1, 2 with 2',
        'splits: xsub_train 2, xsub_test 2',
        'source: dataset=made up',
        f'fingerprint: {result.fingerprint}',
    ]
    assert len(result.fingerprint) == 64


def test_the_fingerprint_is_that_of_the_content(tmp_path):
    first = verify(write(tmp_path / 'first', folder='here')).fingerprint
    backwards = dict(reversed(CLIPS.items()))
    splits = {name: members[::-1] for name, members in reversed(SPLITS.items())}
    assert verify(write(tmp_path / 'second', backwards, splits, folder='there')).fingerprint == first


@pytest.mark.parametrize(
    'change',
    [
        dict(clips=CLIPS | {'a': (1, body(0))}),
        dict(clips=CLIPS | {'a': (0, np.nextafter(body(0), 9))}),
        dict(clips=CLIPS | {'a': (0, body(0).reshape(2, 2, 25, 3))}),
        dict(clips={name.upper(): clip for name, clip in CLIPS.items()}, splits={}),
        dict(splits=SPLITS | {'xsub_test': ['c']}),
        dict(splits={}),
        dict(dtype='float16'),
    ],
)
def test_other_content_has_another_fingerprint(tmp_path, change):
    first = verify(write(tmp_path / 'first')).fingerprint
    assert verify(write(tmp_path / 'second', **change)).fingerprint != first


def test_changed_frames_are_noticed(tmp_path):
    path = write(tmp_path / 'store')
    data = bytearray((path / 'frames.bin').read_bytes())
    data[1234] ^= 1
    (path / 'frames.bin').write_bytes(data)
    (error,) = verify(path).errors
    assert 'frames.bin has another checksum' in error


def test_splits_that_share_clips(tmp_path):
    result = verify(write(tmp_path / 'store', splits=SPLITS | {'xsub_test': ['a', 'c', 'b'], 'all_test': ['a', 'b']}))
    assert result.errors == ["2 clips ('a', 'b') in both xsub_train and xsub_test."]


def test_the_same_body_twice(tmp_path):
    twice = np.concatenate([body(5), body(5)])
    result = verify(write(tmp_path / 'store', CLIPS | {'b': (1, twice)}))
    assert result.errors == [] and result.warnings == ["1 clip ('b') with the same body twice."]


def test_the_same_clip_twice(tmp_path):
    clips = CLIPS | {'c': CLIPS['a'], 'd': (1, CLIPS['a'][1]), 'e': CLIPS['b']}
    result = verify(write(tmp_path / 'store', clips))
    assert result.errors == []
    assert result.warnings == [
        '5 clips are not unique: a = c = d; b = e.',
        '1 groups of the same clips have different labels.',
        '1 groups of the same clips are on both sides of xsub_train and xsub_test.',
    ]
    assert 'warning: 5 clips are not unique' in str(result)


def test_the_same_numbers_in_another_shape_are_another_clip(tmp_path):
    result = verify(write(tmp_path / 'store', {'a': (0, body(0)), 'b': (0, body(0).reshape(2, 2, 25, 3))}, {}))
    assert result.warnings == []


def test_many_names_are_not_all_shown(tmp_path):
    clips = {f'clip {number}': (0, body(0)) for number in range(12)} | {'other': (0, body(1))}
    path = write(tmp_path / 'store', clips, {'train': [*clips], 'test': [*clips][:8]})
    (error,) = verify(path).errors
    assert error == "8 clips ('clip 0', 'clip 1', 'clip 2' and 5 more) in both train and test."


def test_what_cannot_be_opened_is_an_error_of_the_store(tmp_path):
    with pytest.raises(StoreError, match='No clip store'):
        verify(tmp_path)
    path = write(tmp_path / 'store')
    (path / 'frames.bin').write_bytes((path / 'frames.bin').read_bytes()[:-1])
    with pytest.raises(StoreError, match='cut short'):
        verify(path)
    meta = json.loads((path / 'meta.json').read_text())
    del meta['frames_sha256']
    (path / 'meta.json').write_text(json.dumps(meta))
    with pytest.raises(StoreError, match='damaged'):
        verify(path)
