import re
import warnings

import numpy as np
import pytest

from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.plausibility import remarks


def body(seed, layout=25, size=0.3, place=(0.5, 0.2, 3.0), persons=1):
    """Somebody of some 1.3 m by default."""
    rng = np.random.default_rng(seed)
    return (
        rng.normal(0, size, (persons, 1, layout, 3)) + place + rng.normal(0, 0.01, (persons, 20, layout, 3))
    ).astype(np.float32)


@pytest.fixture
def judge(tmp_path):
    """Remarks on a store of clips."""

    def judge(clips, layout='ntu25', **source):
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            with ClipStore.create(tmp_path / 'store', layout, ['a'], overwrite=True) as out:
                for number, clip in enumerate(clips):
                    out.add(f'c{number}', 0, clip)
                out.source.update(source)
        return remarks(ClipStore(tmp_path / 'store'))

    return judge


def test_people_in_metres_are_fine(judge):
    assert judge([body(seed) for seed in range(5)]) == []
    assert judge([body(seed, persons=2) - body(seed)[:, :, :1] for seed in range(5)]) == []


@pytest.mark.parametrize(
    'factor, message',
    [
        (1000, 'bodies are .* long .*which cannot be metres: divide millimetres by 1000'),
        (100, 'centimetres by 100'),
        (1 / 20, 'bodies are 0.0.* which cannot be metres'),
    ],
)
def test_other_units(judge, factor, message):
    (remark,) = judge([body(seed) * factor for seed in range(5)])
    assert re.search(message, remark)


def test_some_bad_clips_or_frames_do_not_hide_the_rule(judge):
    clips = [body(seed) * 1000 for seed in range(5)] + [body(9)]
    assert 'which cannot be metres' in judge(clips)[0]
    glitch = body(0)
    glitch[0, 3] *= 1000
    assert judge([glitch] + [body(seed) for seed in range(4)]) == []


def test_a_single_clip_of_other_units_is_named(judge):
    (remark,) = judge([body(0), body(1) * 1000, body(2)])
    assert 'not in 1' in remark and 'c1 (' in remark


def test_lost_joints_do_not_make_a_body_large(judge):
    clips = [body(seed, place=(0, 0, 9)) for seed in range(4)]
    for clip in clips:
        clip[:, :, ::3] = 0
    assert judge(clips) == []
    clips = [clip.copy() for clip in clips]
    for clip in clips:
        clip[:, :, 3:] = 0
    assert judge(clips) == [], 'too little is tracked to know'


def test_hands_have_limits_of_their_own(judge):
    hands = [body(seed, 22, 0.04, (0.1, 0.1, 0.5)) for seed in range(4)]
    assert judge(hands, 'hand22') == []
    assert 'hands are' in judge([hand * 1000 for hand in hands], 'hand22')[0]
    assert 'hands are' in judge([hand / 100 for hand in hands], 'hand22')[0]


def scores(seed, joints, scale):
    rng = np.random.default_rng(seed)
    plane = rng.normal(0, 0.2, (1, 6, joints, 2)) * scale
    return np.concatenate([plane, rng.uniform(0.2, 1, (1, 6, joints, 1))], -1)


def test_third_coordinates_that_are_scores(judge):
    for scale in (1, 300):
        found = judge([scores(seed, 17, scale) for seed in range(4)], 'coco17')
        assert found[-1].startswith('third coordinates are all between 0 and 1') and len(found) == 1 + (scale > 1)
    assert len(judge([scores(seed, 17, 1) for seed in range(4)], 'coco17', coordinates='half image heights')) == 1
    flat = [scores(seed, 17, 1) * [1, 1, 0] for seed in range(4)]
    assert judge(flat, 'coco17') == []


def test_images_are_not_asked_for_metres(judge):
    flat = [scores(seed, 17, 0.05) * [1, 1, 0] for seed in range(4)]
    assert 'cannot be metres' in judge(flat, 'coco17')[0]
    assert judge(flat, 'coco17', coordinates='half image heights from the middle') == []


def test_a_store_written_from_python_is_warned_of(tmp_path):
    with pytest.warns(UserWarning, match='s: bodies are .* divide millimetres by 1000') as caught:
        with ClipStore.create(tmp_path / 's', 'ntu25', ['a'], dtype='float16') as out:
            out.add('x', 0, body(0) * 1000)
    assert caught[0].filename == __file__


def test_arrays_with_frames_before_persons(judge):
    clips = [body(seed).swapaxes(0, 1) for seed in range(4)]
    (remark,) = judge(clips)
    assert remark.startswith('most clips have more persons than frames, such as 20 and 1')
    assert judge([*clips[:1], *(body(seed) for seed in range(4))]) == []


def test_arrays_with_coordinates_first(judge):
    clips = [body(seed, persons=2).transpose(3, 1, 2, 0) for seed in range(4)]
    assert any('(C, T, V, M)' in remark for remark in judge(clips))
    assert not any('(C, T, V, M)' in remark for remark in judge([body(0, persons=3)[..., :2], body(1)[..., :2]]))


@pytest.mark.parametrize(
    'labels, is_odd', [([1, 2, 3], True), ([0, 1, 2, 3], False), ([1, 2], False), ([0, 2, 3], False)]
)
def test_labels_that_count_from_one(tmp_path, labels, is_odd):
    with ClipStore.create(tmp_path / 'store', 'ntu25', list('abcd')) as out:
        for label in labels:
            out.add(f'c{label}', label, body(label))
    found = remarks(ClipStore(tmp_path / 'store'))
    assert [remark[:26] for remark in found] == ["no clip has label 0 ('a'),"] * is_odd


def test_empty_splits(tmp_path):
    with ClipStore.create(tmp_path / 'store', 'ntu25', ['a']) as out:
        out.add('c', 0, body(0))
        out.splits.update(train=[0], test=[])
    assert remarks(ClipStore(tmp_path / 'store')) == ["split 'test' has no clip."]
