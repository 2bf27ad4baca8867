import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmskelssl.converters.synthetic import SyntheticReader
from mmskelssl.converters.synthetic.actions import ACTIONS, joint_angles, travel
from mmskelssl.converters.synthetic.body import forward_kinematics, pose, random_offsets, rotation_matrices
from mmskelssl.converters.synthetic.noise import recorded_frames, smooth_noise
from mmskelssl.converters.synthetic.scene import mirrored
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.utils.errors import StoreError

REVERSALS = [
    ('circle a hand forwards', 'circle a hand backwards'),
    ('punch', 'pull'),
    ('sit down', 'stand up'),
    ('walk towards each other', 'back away from each other'),
]
ACTION = {action.name: action for action in ACTIONS}
LEFT, RIGHT = NTU25.joints.index('left hand'), NTU25.joints.index('right hand')


@pytest.fixture(scope='module')
def reader():
    return SyntheticReader(num_clips=480, seed=3)


@pytest.fixture(scope='module')
def clips(reader):
    return list(reader)


def digest(clips):
    parts = (part for raw in clips for part in (raw.name.encode(), raw.clip.tobytes()))
    return hashlib.sha256(b''.join(parts)).hexdigest()


def bone_lengths(joints):
    ends, starts = np.array(NTU25.bones).T
    return np.linalg.norm(joints[..., ends, :] - joints[..., starts, :], axis=-1)


def test_the_seed_fixes_every_byte_and_another_seed_is_another_set():
    assert digest(SyntheticReader(40, 7)) == digest(SyntheticReader(40, 7))
    assert digest(SyntheticReader(40, 7)) != digest(SyntheticReader(40, 8))


def test_reading_twice_gives_the_same_and_a_larger_set_begins_with_the_smaller(reader, clips):
    assert digest(reader) == digest(clips)
    assert digest(SyntheticReader(40, 3)) == digest(clips[:40])


def test_clips_have_the_form_of_ntu(reader, clips):
    assert len(clips) == len(reader) == 480
    for raw in clips:
        persons, frames, *rest = raw.clip.shape
        assert rest == [25, 3] and raw.clip.dtype == np.float32
        assert persons == len(ACTIONS[raw.label].persons)
        assert 40 <= frames <= 200
        assert np.isfinite(raw.clip).all()
        present = raw.clip.any(axis=(2, 3))
        assert present[0].all(), 'the first body is tracked throughout'
        pelvis = raw.clip[present][:, 0]
        assert (pelvis[:, 2] > 1.5).all() and (pelvis[:, 2] < 4.5).all()
        head, feet = raw.clip[present][:, 3, 1], raw.clip[present][:, [15, 19], 1].mean(axis=1)
        assert np.median(head - feet) > 0.8
    lengths = [raw.clip.shape[1] for raw in clips]
    assert min(lengths) < 60 and max(lengths) > 150


def test_names_tell_label_performer_and_camera(clips):
    assert len({raw.name for raw in clips}) == len(clips)
    for raw in clips:
        numbers = {raw.name[i]: int(raw.name[i + 1 : i + 4]) for i in range(0, 20, 4)}
        assert ''.join(numbers) == 'SCPRA'
        assert numbers['A'] == raw.label + 1
        assert numbers['P'] == raw.attributes['performer'] and 1 <= numbers['P'] <= 40
        assert numbers['C'] == raw.attributes['camera'] and 1 <= numbers['C'] <= 3


@pytest.mark.parametrize('protocol, attribute', [('xsub', 'performer'), ('xview', 'camera')])
def test_splits_are_balanced_and_share_nothing(reader, clips, protocol, attribute):
    splits = reader.splits(clips)
    train, test = splits[f'{protocol}_train'], splits[f'{protocol}_test']
    assert sorted([*train, *test]) == list(range(len(clips)))
    values = [{clips[i].attributes[attribute] for i in side} for side in (train, test)]
    assert not values[0] & values[1]
    for side, share in ((train, {'xsub': 1 / 2, 'xview': 2 / 3}[protocol]), (test, None)):
        counts = np.bincount([clips[i].label for i in side], minlength=len(ACTIONS))
        assert (counts > 0).all() and np.ptp(counts) <= 1
        if share:
            assert len(side) == pytest.approx(share * len(clips), rel=0.02)


@pytest.mark.parametrize('num_clips', [-1, 0, len(ACTIONS) - 1, 10**9])
def test_impossible_numbers_of_clips_are_refused(num_clips):
    with pytest.raises(StoreError, match=f'{num_clips} clips is impossible.*choose from {len(ACTIONS)}'):
        SyntheticReader(num_clips)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), spread=st.floats(0, 360))
def test_bones_keep_their_lengths_in_any_pose(seed, spread):
    rng = np.random.default_rng(seed)
    offsets = random_offsets(rng)
    joints = pose(rng.normal(0, spread, (7, 25, 3)), offsets)
    rest = forward_kinematics(np.zeros((1, 25, 3)), offsets)
    np.testing.assert_allclose(bone_lengths(joints), np.broadcast_to(bone_lengths(rest), (7, 24)), atol=1e-12)
    assert joints[:, [14, 15, 18, 19], 1].min(axis=1) == pytest.approx(0, abs=1e-12)


def test_rotations_are_proper():
    rotations = rotation_matrices(np.random.default_rng(0).normal(0, 2, (50, 3)))
    np.testing.assert_allclose(rotations @ rotations.swapaxes(1, 2), np.broadcast_to(np.eye(3), (50, 3, 3)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(rotations), 1)


@pytest.mark.parametrize(
    'joint, dof, moved, axis, sign',
    [
        ('left shoulder', 'flexion', 'left hand', 2, 1),
        ('right elbow', 'flexion', 'right hand', 2, 1),
        ('right shoulder', 'abduction', 'right hand', 0, -1),
        ('left hip', 'abduction', 'left foot', 0, 1),
        ('left knee', 'flexion', 'left foot', 2, -1),
        ('mid spine', 'flexion', 'head', 2, 1),
        ('mid spine', 'abduction', 'head', 0, 1),
    ],
)
def test_degrees_of_freedom_move_the_body_the_anatomical_way(joint, dof, moved, axis, sign):
    degrees = np.zeros((2, 25, 3))
    degrees[1, NTU25.joints.index(joint), ('flexion', 'twist', 'abduction').index(dof)] = 40
    joints = pose(degrees, random_offsets(np.random.default_rng(0)))
    shift = (joints[1] - joints[0])[NTU25.joints.index(moved)]
    assert shift[axis] * sign > 0.1


@pytest.mark.parametrize('forwards, backwards', REVERSALS)
def test_a_reversed_action_is_the_other_one_backwards_in_time(forwards, backwards):
    cycle, progress = np.linspace(0.3, 2.9, 50), np.linspace(0, 1, 50)
    for one, other in zip(ACTION[forwards].persons, ACTION[backwards].persons, strict=True):
        for trajectory in (joint_angles, travel):
            expected = trajectory(one, -cycle, 1 - progress)
            np.testing.assert_allclose(trajectory(other, cycle, progress), expected, atol=1e-9)
        assert np.abs(joint_angles(one, cycle, progress) - joint_angles(other, cycle, progress)).max() > 5


def circling(clip):
    """Twice the signed area that a hand sweeps in the body's own sagittal plane, of the hand that sweeps the most.

    A hand that moves forward at the top sweeps a positive one.
    """
    joints = clip[0] - clip[0, :, 20:21]
    left = np.mean(joints[:, 4] - joints[:, 8], axis=0)
    forward = np.cross(left / np.linalg.norm(left), (0, 1, 0))
    z, y = joints[:, [LEFT, RIGHT]] @ forward, joints[:, [LEFT, RIGHT], 1]
    return max(np.sum(y[:-1] * z[1:] - z[:-1] * y[1:], axis=0), key=abs)


def test_noisy_clips_still_tell_the_direction_of_motion(clips):
    right = [
        (circling(raw.clip) > 0) == (raw.label == 2) for raw in clips if ACTIONS[raw.label].name.startswith('circle')
    ]
    assert np.mean(right) > 0.9


def nearest_neighbour_accuracy(reader, clips):
    """Top-1 on raw coordinates of xsub, as a first look at a data set takes it."""
    features = np.zeros((len(clips), 2, 64, 25, 3), np.float32)
    for feature, raw in zip(features, clips, strict=True):
        frames = np.linspace(0, raw.clip.shape[1] - 1, 64).round().astype(int)
        present = raw.clip.any(axis=(2, 3), keepdims=True)
        feature[: len(raw.clip)] = np.where(present, raw.clip - raw.clip[0, 0, 0], 0)[:, frames]
    features = features.reshape(len(clips), -1)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    labels = np.array([raw.label for raw in clips])
    train, test = (np.array(reader.splits(clips)[f'xsub_{side}']) for side in ('train', 'test'))
    return np.mean(labels[train][(features[test] @ features[train].T).argmax(axis=1)] == labels[test])


def test_where_joints_are_does_not_give_the_class_away(reader, clips):
    accuracy = nearest_neighbour_accuracy(reader, clips)
    assert 2 / len(ACTIONS) < accuracy < 0.6


def test_smooth_noise_is_smooth_and_of_variance_one():
    noise = smooth_noise(np.random.default_rng(0), 200, (300,), fastest=0.5)
    assert noise.shape == (200, 300)
    assert noise.var() == pytest.approx(1, rel=0.1)
    # A sine of 0.5 Hz and amplitude 1 moves by at most pi / 30 in a frame.
    assert np.diff(noise, axis=0).std() < np.pi / 30


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32), num_frames=st.integers(1, 200))
def test_recorded_frames_are_moments_of_the_recording_in_order(seed, num_frames):
    moments, span = recorded_frames(np.random.default_rng(seed), num_frames)
    assert len(moments) == num_frames <= span
    assert (np.diff(moments) >= 0).all() and moments[0] >= 0 and moments[-1] < span


def test_a_mirror_twice_is_none():
    joints = np.random.default_rng(0).normal(size=(2, 5, 25, 3))
    np.testing.assert_array_equal(mirrored(mirrored(joints)), joints)
    np.testing.assert_array_equal(mirrored(joints)[..., LEFT, :], joints[..., RIGHT, :] * (-1, 1, 1))


def test_the_converter_makes_a_store_of_the_same_clips(tmp_path, run_converter):
    assert run_converter('synthetic', tmp_path / 'store', '--num-clips', 60, '--seed', 5)[0] == 0
    store = ClipStore(tmp_path / 'store')
    expected = list(SyntheticReader(60, 5))
    assert store.names.tolist() == [clip.name for clip in expected]
    assert store.classes == SyntheticReader.classes and store.layout == NTU25
    assert store.source['seed'] == 5
    assert set(store.splits) == {'xsub_train', 'xsub_test', 'xview_train', 'xview_test'}
    assert all(len(set(store.labels[index])) == len(ACTIONS) for index in store.splits.values())
    for index, clip in enumerate(expected):
        np.testing.assert_array_equal(store[index], clip.clip)


def test_the_converter_says_what_is_wrong(tmp_path, run_converter):
    status, _, err = run_converter('synthetic', tmp_path / 'store', '--num-clips', 3)
    assert status == 1 and 'error: A synthetic set of 3 clips is impossible' in err
    assert not (tmp_path / 'store').exists()
