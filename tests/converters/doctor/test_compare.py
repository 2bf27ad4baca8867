import numpy as np
import pytest
from list_reader import ListReader, body

from mmskelssl.converters.base import RawClip
from mmskelssl.converters.doctor import compare
from mmskelssl.converters.doctor.compare import plain_name
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.datasets.transforms import pre_normalize
from mmskelssl.utils.errors import ClipError

CLIPS = {'a': (0, body(0)), 'b': (1, body(1, 2)), 'c': (0, body(2, 1, 1)), 'd': (1, body(3, 2, 7))}
SPLITS = {'train': ['a', 'b'], 'test': ['c', 'd']}


def make_store(path, clips=CLIPS, splits=SPLITS, dtype='float32'):
    names = list(clips)
    with ClipStore.create(path, 'ntu25', ['wave', 'sit'], dtype) as writer:
        for name, (label, clip) in clips.items():
            writer.add(name, label, clip)
        writer.splits.update({split: [names.index(name) for name in members] for split, members in splits.items()})
    return ClipStore(path)


def compared(tmp_path, change, tolerance=1e-4):
    return compare(make_store(tmp_path / 'first'), make_store(tmp_path / 'second', **change), tolerance)


def test_the_same_clips_in_another_order_are_the_same(tmp_path):
    result = compared(tmp_path, dict(clips=dict(reversed(CLIPS.items()))))
    assert result.is_same and result.num_same == 4
    assert str(result) == '4 clips in both, 4 of them the same to 0.0001 m.'


def test_clips_of_one_of_them(tmp_path):
    clips = {name: CLIPS[name] for name in 'bc'} | {'e': (0, body(9))}
    result = compared(tmp_path, dict(clips=clips, splits={'train': ['b'], 'test': ['c', 'e']}))
    assert not result.is_same
    assert (result.missing, result.added, result.num_same) == (['a', 'd'], ['e'], 2)
    assert result.splits == [], 'what only one has does not make the splits different'
    lines = str(result).splitlines()
    assert lines[1:] == ["only in the first: 2 clips ('a', 'd')", "only in the second: 1 clip ('e')"]


def moved(clip, distance, body=0, frame=2, joint=8):
    clip = clip.copy()
    clip[body, frame, joint, 1] += distance
    return clip


@pytest.mark.parametrize(
    'name, label, change, notes',
    [
        ('b', 0, lambda clip: clip, 'labels 1 and 0'),
        ('b', 1, lambda clip: clip[:1], '2 and 1 bodies'),
        ('b', 1, lambda clip: clip[:, :3], '4 and 3 frames'),
        ('b', 1, lambda clip: np.concatenate([clip, clip[:, :1]], axis=1), '4 and 5 frames'),
        ('b', 1, lambda clip: clip[::-1], 'bodies in another order'),
        ('b', 1, lambda clip: moved(clip, 0.5, 1), 'up to 0.5 m (body 1, frame 2, joint 8), 0.000833 m on average'),
        (
            'b',
            0,
            lambda clip: moved(clip, 0.25)[:, :3],
            'labels 1 and 0, 4 and 3 frames, up to 0.25 m (body 0, frame 2, joint 8), 0.000556 m on average',
        ),
    ],
)
def test_a_different_clip(tmp_path, name, label, change, notes):
    result = compared(tmp_path, dict(clips=CLIPS | {name: (label, change(CLIPS[name][1]))}))
    (difference,) = result.differences
    assert (difference.name, difference.notes) == (name, notes)
    assert result.num_same == 3 and not result.is_same


def test_the_farthest_clips_come_first(tmp_path):
    far = {'a': 0.1, 'b': 3, 'd': 0.2}
    result = compared(tmp_path, dict(clips=CLIPS | {n: (CLIPS[n][0], moved(CLIPS[n][1], by)) for n, by in far.items()}))
    assert [difference.name for difference in result.differences] == ['b', 'd', 'a']
    np.testing.assert_allclose([difference.distance for difference in result.differences], [3, 0.2, 0.1], rtol=1e-5)
    lines = str(result).splitlines()
    assert lines[1] == '3 clips differ, by 0.2 m (median) and up to 3 m:'
    assert lines[2].startswith('  b: up to 3 m (body 0, frame 2, joint 8)')


def test_half_precision_is_a_question_of_tolerance(tmp_path):
    result = compared(tmp_path, dict(dtype='float16'))
    assert len(result.differences) == 4 and result.differences[0].distance < 2e-3
    assert compare(ClipStore(tmp_path / 'first'), ClipStore(tmp_path / 'second'), tolerance=2e-3).is_same


def test_splits(tmp_path):
    result = compared(tmp_path, dict(splits={'train': ['a'], 'test': ['b', 'c', 'd'], 'else': ['a']}))
    assert result.splits == ["test has 1 clip ('b') only in the second", "train has 1 clip ('b') only in the first"]
    assert not result.is_same and 'splits: test has' in str(result)


def test_a_reader_of_another_format(tmp_path):
    """With the file names of official programs, empty bodies, and clips that cannot be read."""
    padded = np.concatenate([CLIPS['a'][1], np.zeros_like(CLIPS['a'][1])])
    outcomes = [
        RawClip('a.skeleton', 0, padded, dict(camera=1)),
        ClipError('b cannot be read'),
        RawClip('c.skeleton', 0, CLIPS['c'][1] * np.nan, dict(camera=1)),
        RawClip('d.skeleton', 1, CLIPS['d'][1][..., :20, :], dict(camera=3)),
    ]
    result = compare(make_store(tmp_path / 'store'), ListReader(*outcomes))
    assert result.num_same == 1 and result.unreadable == ['b cannot be read'] and result.missing == ['b']
    assert [(d.name, d.distance) for d in result.differences] == [('c', np.inf), ('d', np.inf)]
    assert result.differences[1].notes == '25 and 20 joints'
    assert result.splits == ["train has 1 clip ('c') only in the second"]
    assert 'unreadable: b cannot be read' in str(result)


def test_a_normalized_preparation(tmp_path):
    clips = {name: (label, pre_normalize(clip, NTU25)) for name, (label, clip) in CLIPS.items()}
    first, second = make_store(tmp_path / 'first'), make_store(tmp_path / 'second', clips)
    assert len(compare(first, second).differences) == 4
    assert compare(first, second, normalize=lambda clip: pre_normalize(clip, NTU25)).is_same


@pytest.mark.parametrize(
    'name, plain', [('S001C001P001R001A001.skeleton', 'S001C001P001R001A001'), ('A01N01-L.txt_3', 'A01N01-L_3')]
)
def test_names_of_official_programs(name, plain):
    assert plain_name(name) == plain == plain_name(plain)
