"""Clips in which a joint that a normalization measures by is lost."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.layouts import HAND22, KINECT20, NTU25
from mmskelssl.datasets.transforms import AlignShoulders, CenterClip, CenterPersons, PreNormalize, normalize_clip
from mmskelssl.datasets.transforms.reference import fill_over_time, first_rows, leader_rows

LEFT, RIGHT = NTU25.shoulders
BASE, UPPER = NTU25.spine
CENTER = NTU25.center
NAN = float('nan')
# Every step with the joints that it reads.
READS = [
    (CenterClip(), [BASE]),
    (CenterClip(each_frame=True), [BASE]),
    (AlignShoulders(), [LEFT, RIGHT]),
    (AlignShoulders(each_frame=True), [LEFT, RIGHT]),
    (CenterPersons(), [CENTER]),
    (PreNormalize(), [BASE, UPPER, LEFT, RIGHT]),
]


def walking(seed=0, persons=1, frames=20):
    """People who walk at a steady pace and sway a little, some metres away. (M, T, 25, 3) float32."""
    rng = np.random.default_rng(seed)
    pose = rng.normal(0, 0.3, (persons, 1, 25, 3))
    pose[:, :, RIGHT] = pose[:, :, LEFT] + [0.35, 0.05, -0.1]
    pose[:, :, UPPER] = pose[:, :, BASE] + [0.02, 0.3, 0.03]
    places = np.array([1.0, 0.5, 3.0]) + np.arange(persons)[:, None, None, None] * [0.8, 0, 0.3]
    walk = np.linspace(0, 1, frames)[:, None, None] * [0.5, 0, -1.0]
    return (pose + places + walk + rng.normal(0, 0.004, (persons, frames, 25, 3))).astype(np.float32)


def without(clip, joints, frames, persons=slice(None)):
    lost = clip.copy()
    for frame in frames:
        lost[persons, frame, joints] = 0
    return lost


def distance(one, other):
    """The longest way between joints that are tracked in both."""
    both = (one != 0).any(-1) & (other != 0).any(-1)
    return np.linalg.norm(one - other, axis=-1)[both].max()


@pytest.mark.parametrize('step, joints', READS)
@given(seed=st.integers(0, 99), persons=st.integers(1, 2), data=st.data())
def test_losing_a_reference_joint_moves_no_other_one_far(step, joints, seed, persons, data):
    clip = walking(seed, persons)
    lost = clip
    for joint in joints:
        # Not the ends of all frames: the joint has to be known somewhere nearby, since the people walk.
        frames = data.draw(st.sets(st.integers(0, 19), max_size=8))
        gaps = [frame for frame in frames if not {frame - 1, frame - 2} <= frames]
        lost = without(lost, [joint], gaps)
    got, expected = (normalize_clip(one, [step], NTU25) for one in (lost, clip))
    # A step of the walk takes 6 cm; the sway turns a shoulder line of 35 cm, and a joint 4 m away with it.
    assert distance(got, expected) < (0.35 if isinstance(step, (AlignShoulders, PreNormalize)) else 0.15)
    assert not got[(lost == 0).all(-1)].any()


@pytest.mark.parametrize('step', [CenterClip(True), CenterPersons(), PreNormalize()])
def test_a_lost_joint_of_somebody_who_walks_is_interpolated(step):
    """The nearest frame would leave the body up to 12 cm off."""
    clip = walking()
    joint = {CenterClip: BASE, CenterPersons: CENTER, PreNormalize: UPPER}[type(step)]
    got, expected = (normalize_clip(one, [step], NTU25) for one in (without(clip, [joint], [7, 8, 9]), clip))
    assert distance(got, expected) < 0.03


@pytest.mark.parametrize('step, joints', READS)
def test_nearest_neighbours_stay_the_same(step, joints):
    clips = [walking(seed) for seed in range(40)]
    rng = np.random.default_rng(1)
    again = [clip + rng.normal(0, 0.005, clip.shape).astype(np.float32) for clip in clips]
    lost = [without(clip, joints, [0, *rng.integers(1, 20, 3)]) for clip in again]

    def normalized(of):
        return torch.stack([torch.from_numpy(normalize_clip(clip, [step], NTU25)).flatten() for clip in of])

    similarity = torch.nn.functional.normalize(normalized(lost)) @ torch.nn.functional.normalize(normalized(clips)).T
    assert similarity.argmax(1).tolist() == list(range(40))


def test_a_person_who_comes_late_leads_from_then_on():
    clip = walking(persons=2)
    late = without(clip, slice(None), range(10), persons=0)
    got = normalize_clip(late, [CenterClip()], NTU25)
    assert not got[0, 10, BASE].any()
    np.testing.assert_allclose(got[1, 3], clip[1, 3] - clip[0, 10, BASE], atol=1e-6)


@pytest.mark.parametrize('each_frame', [False, True])
def test_the_second_person_leads_where_the_first_one_never_has_the_joint(each_frame):
    clip = without(walking(persons=2), [BASE], range(20), persons=0)
    got = normalize_clip(clip, [CenterClip(each_frame)], NTU25)
    assert not got[1, 0, BASE].any()
    np.testing.assert_allclose(got[0, 0, 1], clip[0, 0, 1] - clip[1, 0, BASE], atol=1e-6)
    assert not got[0, :, BASE].any()


def test_the_shoulder_line_of_the_second_person_counts_where_the_first_one_has_none():
    clip = without(walking(persons=2), [LEFT], range(20), persons=0)
    got = normalize_clip(clip, [AlignShoulders()], NTU25)
    across = (got[1, :, RIGHT] - got[1, :, LEFT]).mean(0)
    assert across[0] > 0.3 and abs(across[2]) < 1e-5


def test_both_ends_of_a_line_have_to_be_of_one_frame():
    clip = without(without(walking(), [LEFT], range(0, 20, 2)), [RIGHT], range(1, 20, 2))
    np.testing.assert_array_equal(normalize_clip(clip, [AlignShoulders()], NTU25), clip)
    assert AlignShoulders().lacks_reference(ClipBatch.of([clip]), NTU25).all()


@pytest.mark.parametrize('step, joints', READS)
def test_a_clip_without_the_joint_stays_as_it_was_and_is_told(step, joints):
    whole, lost = walking(1), without(walking(2), joints, range(20))
    clips = ClipBatch.of([whole, lost, whole[:, :3]])
    assert step.lacks_reference(clips, NTU25).tolist() == [False, True, False]
    np.testing.assert_array_equal(normalize_clip(lost, [step], NTU25), lost)


@pytest.mark.parametrize('step, joints', READS[3:5])
def test_of_steps_of_every_person_one_without_the_joint_is_told(step, joints):
    lost = without(walking(3, persons=2), joints, range(20), persons=1)
    assert step.lacks_reference(ClipBatch.of([lost, walking(3, 2)]), NTU25).tolist() == [True, False]
    got = normalize_clip(lost, [step], NTU25)
    np.testing.assert_array_equal(got[1], lost[1])
    assert distance(got[0], lost[0]) > 0.1


def test_the_program_is_followed_while_the_first_person_is_absent():
    clip = walking(persons=2)
    lost = without(clip, slice(None), [8], persons=0)
    got = normalize_clip(lost, [PreNormalize()], NTU25)
    # Nobody is moved then, as in the program, whose rotation keeps lengths.
    np.testing.assert_allclose(np.linalg.norm(got[1, 8], axis=-1), np.linalg.norm(clip[1, 8], axis=-1), rtol=1e-5)
    np.testing.assert_allclose(got[1, 9], normalize_clip(clip, [PreNormalize()], NTU25)[1, 9], atol=1e-5)


@pytest.mark.parametrize('layout', [HAND22, KINECT20], ids=lambda layout: layout.name)
def test_the_origin_of_other_layouts(layout):
    clip = np.random.default_rng(0).normal(2, 0.1, (1, 6, layout.num_joints, 3)).astype(np.float32)
    lost = without(clip, [layout.origin], [0, 4])
    for step in (CenterClip(), CenterClip(True)):
        assert distance(normalize_clip(lost, [step], layout), normalize_clip(clip, [step], layout)) < 1
        assert np.abs(normalize_clip(lost, [step], layout)).max() < 1


def packed(*persons_of_clips):
    """One value per row and which are known, from lists with NaN where nothing is known."""
    clips = [np.array(persons, np.float32)[..., None, None] for persons in persons_of_clips]
    batch = ClipBatch.of([np.nan_to_num(clip) for clip in clips])
    values = torch.cat([torch.from_numpy(clip).flatten() for clip in clips])
    return batch, batch.frames[:, 0], ~values.isnan()


def test_values_are_filled_between_the_known_ones_of_a_person():
    clips, values, known = packed([[NAN, 1, NAN, NAN, 4], [NAN] * 5], [[7.0]], [[2, NAN, NAN], [NAN, NAN, 3]])
    filled, found = fill_over_time(clips, values, known)
    assert filled.flatten().tolist() == [1, 1, 2, 3, 4, 0, 0, 0, 0, 0, 7, 2, 2, 2, 3, 3, 3]
    assert found.tolist() == [True] * 5 + [False] * 5 + [True] * 7


def test_first_rows_and_leaders():
    clips, _, known = packed([[NAN, NAN], [NAN, 1]], [[NAN, NAN, NAN]], [[NAN, 5.0]])
    rows, found = first_rows(clips, known)
    assert (rows.tolist(), found.tolist()) == ([3, 4, 8], [True, False, True])
    assert leader_rows(clips, known).tolist() == [2, 3, 2, 3, 4, 5, 6, 7, 8]
