import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.layouts import HAND22, KINECT20, NTU25
from mmskelssl.datasets.transforms import (
    AlignShoulders,
    CenterClip,
    CenterPersons,
    PreNormalize,
    ResizeClips,
    ScaleBones,
    pre_normalize,
)
from mmskelssl.datasets.transforms.spatial import turn_about_y
from mmskelssl.utils.errors import ConfigError

LEFT, RIGHT = NTU25.shoulders
BASE, SPINE = NTU25.spine
CROSSCLR = [CenterPersons(), ResizeClips(50), AlignShoulders(each_frame=True)]
EVERY = [CenterClip(), CenterClip(True), AlignShoulders(), ScaleBones(), PreNormalize(), *CROSSCLR]


def pack(*clips):
    """Clips (M, T, 25, 3) as a packed batch."""
    persons, lengths = (torch.tensor([clip.shape[axis] for clip in clips]) for axis in (0, 1))
    counts = persons * lengths
    return ClipBatch(torch.cat([c.flatten(0, 1) for c in clips]), counts.cumsum(0) - counts, lengths, persons, 2)


def unpack(batch):
    counts = (batch.num_frames * batch.num_persons).tolist()
    return [
        rows.view(persons, -1, *rows.shape[1:])
        for rows, persons in zip(batch.frames.split(counts), batch.num_persons.tolist(), strict=True)
    ]


def people(persons=2, frames=5, seed=0):
    """Two persons whose shoulder lines have a clear direction, and a missing joint in some frames."""
    clip = torch.randn(persons, frames, 25, 3, generator=torch.Generator().manual_seed(seed)) * 0.2
    clip[:, :, RIGHT] = clip[:, :, LEFT] + torch.tensor([0.3, 0.02, -0.2])
    clip += torch.tensor([1.0, 0.5, 3.0])
    clip[:, 1::2, 7] = 0
    return clip


def moved(clip, angle, shift):
    """Turned about y, then shifted; missing joints stay missing."""
    matrix = turn_about_y(torch.tensor([angle]))[0]
    return torch.where((clip != 0).any(-1, keepdim=True), clip @ matrix.T + shift, 0)


def normalize(clip, *steps):
    batch = pack(clip)
    for step in steps:
        batch = step.normalize(batch, NTU25)
    return unpack(batch)[0]


SHIFTS = st.tuples(*[st.floats(-5, 5)] * 3)


@given(SHIFTS, st.booleans(), st.integers(0, 9))
def test_centred_clips_do_not_know_where_they_were(shift, each_frame, seed):
    clip = people(seed=seed)
    before = normalize(clip, CenterClip(each_frame))
    after = normalize(moved(clip, 0.0, torch.tensor(shift)), CenterClip(each_frame))
    torch.testing.assert_close(after, before, rtol=0, atol=1e-5)


@given(st.floats(-math.pi, math.pi), SHIFTS, st.integers(0, 9))
def test_normalized_clips_do_not_know_the_camera(angle, shift, seed):
    clip = people(seed=seed)
    before = normalize(clip, CenterClip(), AlignShoulders())
    after = normalize(moved(clip, angle, torch.tensor(shift)), CenterClip(), AlignShoulders())
    torch.testing.assert_close(after, before, rtol=0, atol=5e-5)


def test_center_clip_moves_by_the_first_frame_of_the_first_person():
    clip = people()
    got = normalize(clip, CenterClip())
    tracked = (clip != 0).any(-1)
    torch.testing.assert_close(got[tracked], (clip - clip[0, 0, BASE])[tracked], rtol=0, atol=1e-6)
    assert (got[~tracked] == 0).all()
    assert (got[0, 0, BASE] == 0).all() and (got[0, 1, BASE] != 0).any()


def test_center_clip_of_each_frame_moves_all_persons_by_the_first_one():
    clip = people()
    got = normalize(clip, CenterClip(each_frame=True))
    assert (got[0, :, BASE] == 0).all()
    torch.testing.assert_close(got[1, :, BASE], clip[1, :, BASE] - clip[0, :, BASE], rtol=0, atol=1e-6)


def test_centring_may_be_by_the_upper_end_of_the_spine_bone():
    """CTR-GCN's origin: joint 2 of the first person's first frame."""
    clip = torch.randn(2, 6, 25, 3, generator=torch.Generator().manual_seed(3))
    clip[0, :2] = 0
    got = normalize(clip, CenterClip(joint='upper'))
    expected = torch.where((clip != 0).any(-1, keepdim=True), clip - clip[0, 2, 1], 0)
    torch.testing.assert_close(got, expected)
    with pytest.raises(ConfigError, match="joint='middle' is neither 'lower' nor 'upper'"):
        CenterClip(joint='middle')
    with pytest.raises(ConfigError, match='needs `spine` of the layout'):
        CenterClip(joint='upper').normalize(pack(torch.ones(1, 2, 22, 3)), HAND22)


@pytest.mark.parametrize('steps', [[CenterClip()], [CenterClip(True)], [AlignShoulders()], [ScaleBones()]])
def test_missing_joints_stay_missing(steps):
    clip = people()
    clip[1, 2] = 0
    clip[0, 3, BASE] = 0
    got = normalize(clip, *steps)
    missing = (clip == 0).all(-1)
    assert missing.sum() > 25
    assert (got[missing] == 0).all()
    present = ~missing
    present[0, :, BASE] = False  # the origin itself
    assert (got[present] != 0).any(-1).all()


def test_bones_are_one_long_on_average_and_distances_keep_their_proportions():
    clip = people()
    clip[1, 2] = 0
    got = normalize(clip, ScaleBones())
    lengths = [
        (frame[v] - frame[p]).norm()
        for frame in got.flatten(0, 1)
        for v, p in NTU25.bones
        if frame[v].any() and frame[p].any()
    ]
    torch.testing.assert_close(torch.stack(lengths).mean(), torch.tensor(1.0))
    factor = got[0, 0, BASE] / clip[0, 0, BASE]
    torch.testing.assert_close(got, clip * factor[0])


@given(st.floats(0.2, 5), st.integers(0, 9))
def test_scaled_clips_do_not_know_how_tall_a_person_is(size, seed):
    clip = people(seed=seed)
    torch.testing.assert_close(
        normalize(size * clip, ScaleBones()), normalize(clip, ScaleBones()), rtol=1e-4, atol=1e-5
    )


def test_clips_of_a_batch_are_scaled_each_by_itself():
    clips = people(1, 5), 3 * people(2, 4, seed=1)
    both = unpack(ScaleBones().normalize(pack(*clips), NTU25))
    for got, clip in zip(both, clips, strict=True):
        torch.testing.assert_close(got, normalize(clip, ScaleBones()))


def test_a_clip_whose_bones_have_no_length_is_left_as_it_is():
    clip = torch.ones(1, 3, 25, 3)
    assert torch.equal(normalize(clip, ScaleBones()), clip)
    assert ScaleBones().lacks_reference(pack(clip, people()), NTU25).tolist() == [True, False]


def test_shoulders_lie_along_x_on_average():
    clip = people(persons=1)
    got = normalize(clip, AlignShoulders())
    across = (got[0, :, RIGHT] - got[0, :, LEFT]).mean(0)
    assert across[0] > 0.3 and abs(across[2]) < 1e-6
    torch.testing.assert_close(got[..., 1], clip[..., 1])
    torch.testing.assert_close(got.norm(dim=-1), clip.norm(dim=-1), rtol=1e-5, atol=1e-6)


def test_shoulders_of_the_first_person_count():
    clip = people()
    other = clip.clone()
    other[1] = people(seed=5)[1] @ turn_about_y(torch.tensor([1.0]))[0].T
    torch.testing.assert_close(normalize(clip, AlignShoulders())[0], normalize(other, AlignShoulders())[0])


def test_frames_with_a_missing_shoulder_do_not_count():
    clip = people(persons=1, frames=6)
    lost = clip.clone()
    lost[0, ::2, LEFT] = 0
    expected = normalize(clip[:, 1::2], AlignShoulders())
    torch.testing.assert_close(normalize(lost, AlignShoulders())[:, 1::2], expected)


def test_clip_without_shoulders_is_left_as_it_is():
    clip = people()
    clip[:, :, [LEFT, RIGHT]] = 0
    torch.testing.assert_close(normalize(clip, AlignShoulders()), clip)


@pytest.mark.parametrize('step', EVERY)
def test_clips_of_a_batch_do_not_touch_each_other(step):
    clips = [people(2, 5, 1), people(1, 1, 2), people(2, 1, 3), people(1, 9, 4)]
    before = [clip.clone() for clip in clips]
    together = unpack(step.normalize(pack(*clips), NTU25))
    for clip, got, kept in zip(clips, together, before, strict=True):
        torch.testing.assert_close(got, normalize(clip, step), rtol=0, atol=1e-6)
        assert torch.equal(clip, kept)


@pytest.mark.parametrize('step', [AlignShoulders(), AlignShoulders(True), PreNormalize()])
def test_flat_clips_are_not_turned_in_space(step):
    with pytest.raises(ValueError, match=f'{type(step).__name__} .* 3 coordinates per joint, not 2'):
        step.normalize(pack(people()[..., :2]), NTU25)


# CrosSCLR


def test_every_person_is_centred_in_every_frame():
    clip = people()
    clip[1, 2] = 0
    got = normalize(clip, CenterPersons())
    assert (got[:, :, NTU25.center] == 0).all()
    missing = (clip == 0).all(-1)
    assert (got[missing] == 0).all()
    torch.testing.assert_close(got[~missing], (clip - clip[:, :, [NTU25.center]])[~missing])


@pytest.mark.parametrize('num_frames', [1, 4, 5, 50])
def test_clips_of_one_length_are_interpolated(num_frames):
    clips = [people(2, 5, 1), people(1, 1, 2), people(2, 9, 3)]
    for clip, got in zip(clips, unpack(ResizeClips(num_frames).normalize(pack(*clips), NTU25)), strict=True):
        channels = clip.flatten(2).transpose(1, 2)
        expected = torch.nn.functional.interpolate(channels, size=num_frames, mode='linear')
        torch.testing.assert_close(got.flatten(2), expected.transpose(1, 2), rtol=0, atol=5e-6)


def test_a_clip_of_that_length_stays_as_it_is():
    assert torch.equal(normalize(people(2, 50), ResizeClips(50)), people(2, 50))


def test_shoulders_of_every_person_lie_along_x_in_every_frame():
    clip = torch.stack([people(1, 6, seed)[0] for seed in (1, 2)])
    clip[:, ::2] = clip[:, ::2] @ turn_about_y(torch.tensor([2.0]))[0].T
    got = normalize(clip, AlignShoulders(each_frame=True))
    across = got[:, :, RIGHT] - got[:, :, LEFT]
    assert (across[..., 0] > 0.3).all() and (across[..., 2].abs() < 1e-6).all()
    torch.testing.assert_close(got[..., 1], clip[..., 1])
    torch.testing.assert_close(got.norm(dim=-1), clip.norm(dim=-1), rtol=1e-5, atol=1e-6)


@given(st.floats(-math.pi, math.pi), SHIFTS, st.integers(0, 9))
def test_crossclr_does_not_know_the_camera(angle, shift, seed):
    clip = people(frames=7, seed=seed)
    clip = clip[:, ::2]  # Interpolation mixes missing joints with tracked ones, wherever they are.
    before = normalize(clip, *CROSSCLR)
    after = normalize(moved(clip, angle, torch.tensor(shift)), *CROSSCLR)
    torch.testing.assert_close(after, before, rtol=0, atol=5e-5)


# Pre-normalization


def least_rotation(vector, target):
    """As the program's: by the angle between both, about the normal of both."""
    normal = np.cross(vector, target)
    if np.abs(normal).sum() < 1e-6:
        return np.eye(3)
    x, y, z = normal / np.linalg.norm(normal)
    angle = math.acos(np.dot(vector, target) / np.linalg.norm(vector))
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross


def plain_pre_normalize(clip):
    """One frame after the other, as the rules are told. Arrays (M, T, 25, 3)."""
    clip = clip.astype(np.float64)
    for person in clip:
        frames = [frame.copy() for frame in person]
        if not any(frame.any() for frame in frames):
            continue
        if not frames[0].any():
            frames = [frame for frame in frames if frame.any()]
        while not frames[-1].any():
            frames.pop()
        for number in range(len(person)):
            person[number] = frames[number % len(frames)]
    for t in range(clip.shape[1]):
        origin = clip[0, t, SPINE].copy()
        for person in clip:
            for joint in person[t]:
                joint -= origin * joint.any()
    to_z = least_rotation(clip[0, 0, SPINE] - clip[0, 0, BASE], [0, 0, 1])
    to_x = least_rotation(to_z @ (clip[0, 0, RIGHT] - clip[0, 0, LEFT]), [1, 0, 0])
    return clip @ (to_x @ to_z).T


def with_absences(rng, persons, frames):
    """Persons come and go; one after the first may be absent throughout."""
    clip = rng.normal(size=(persons, frames, 25, 3)).astype(np.float32)
    clip[rng.random((persons, frames)) < rng.choice([0, 0.2, 0.6])] = 0
    for person in clip:
        person[: rng.integers(0, frames + 1) * rng.integers(2)] = 0
        person[frames - rng.integers(0, frames + 1) * rng.integers(2) :] = 0
    if not clip[0].any():
        clip[0, rng.integers(frames)] = rng.normal(size=(25, 3))
    return clip


@given(st.integers(0, 2**32), st.integers(1, 3), st.integers(1, 12))
def test_pre_normalization_follows_its_rules(seed, persons, frames):
    clip = with_absences(np.random.default_rng(seed), persons, frames)
    expected = plain_pre_normalize(clip)
    got = pre_normalize(clip, NTU25)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)
    assert torch.equal(pre_normalize(torch.from_numpy(clip), 'ntu25'), torch.from_numpy(got))


@pytest.mark.parametrize(
    'before, after',
    [('0a0b0', 'ababa'), ('a00b0', 'a00ba'), ('a0000', 'aaaaa'), ('0000a', 'aaaaa'), ('00000', '00000')],
)
def test_absences(before, after):
    pose = {key: people(1, 1, seed=number)[0, 0] for number, key in enumerate('abc')} | {'0': torch.zeros(25, 3)}
    clip = torch.stack([torch.stack([pose[key] for key in 'ccccc']), torch.stack([pose[key] for key in before])])
    filled = torch.stack([clip[0], torch.stack([pose[key] for key in after])])
    torch.testing.assert_close(pre_normalize(clip, NTU25), pre_normalize(filled, NTU25))
    assert (pre_normalize(clip, NTU25)[1] != 0).any((1, 2)).tolist() == [key != '0' for key in after]


@pytest.mark.shared
def test_pre_normalization_gives_the_official_numbers(shared):
    golden = torch.load(shared / 'golden' / 'prenorm.pt', weights_only=True)
    for raw, expected in zip(golden['raw'], golden['normalized'], strict=True):
        got = pre_normalize(raw.permute(3, 1, 2, 0), NTU25)
        torch.testing.assert_close(got, expected.permute(3, 1, 2, 0), rtol=0, atol=1e-5)


@given(st.integers(0, 9), st.floats(-math.pi, math.pi), st.floats(0, 1.5), st.floats(-math.pi, math.pi), SHIFTS)
def test_pre_normalized_clips_do_not_know_the_camera(seed, turn, tilt, turn_back, shift):
    """Any rigid motion is removed from a body whose shoulder line is perpendicular to its spine in the first frame."""
    clip = people(seed=seed)
    up = torch.nn.functional.normalize(clip[0, 0, SPINE] - clip[0, 0, BASE], dim=0)
    across = clip[0, 0, RIGHT] - clip[0, 0, LEFT]
    clip[0, 0, RIGHT] -= (across @ up) * up
    tilted = torch.tensor(
        [[1, 0, 0], [0, math.cos(tilt), -math.sin(tilt)], [0, math.sin(tilt), math.cos(tilt)]], dtype=torch.float32
    )
    turns = turn_about_y(torch.tensor([turn, turn_back]))
    rotation = turns[1] @ tilted @ turns[0]
    seen = torch.where((clip != 0).any(-1, keepdim=True), clip @ rotation.T + torch.tensor(shift), 0)
    # Of a vector straight against its axis no least rotation is known.
    for body in (clip, seen):
        bone = (body[0, 0, SPINE] - body[0, 0, BASE]).double().numpy()
        line = least_rotation(bone, [0, 0, 1]) @ (body[0, 0, RIGHT] - body[0, 0, LEFT]).double().numpy()
        assume(bone[2] > -0.99 * np.linalg.norm(bone) and line[0] > -0.99 * np.linalg.norm(line))
    torch.testing.assert_close(pre_normalize(seen, NTU25), pre_normalize(clip, NTU25), rtol=0, atol=1e-4)


@given(st.integers(0, 9), st.lists(SHIFTS, min_size=5, max_size=5))
def test_pre_normalized_clips_do_not_know_where_they_were_at_any_time(seed, shifts):
    clip = people(seed=seed)
    shifted = torch.where((clip != 0).any(-1, keepdim=True), clip + torch.tensor(shifts)[:, None], 0)
    torch.testing.assert_close(pre_normalize(shifted, NTU25), pre_normalize(clip, NTU25), rtol=0, atol=5e-5)


@pytest.mark.parametrize('layout', [NTU25, KINECT20])
def test_the_layout_says_which_joints_count(layout):
    clip = people()[:, :, : layout.num_joints]
    order = torch.randperm(layout.num_joints, generator=torch.Generator().manual_seed(0))
    place = order.argsort().tolist()
    shuffled = dataclasses.replace(
        layout,
        name='shuffled',
        joints=[layout.joints[v] for v in order],
        parents=[place[layout.parents[v]] for v in order],
        center=place[layout.center],
        pairs=[[place[v] for v in pair] for pair in layout.pairs],
        spine=[place[v] for v in layout.spine],
        shoulders=[place[v] for v in layout.shoulders],
    )
    for steps in ([PreNormalize()], CROSSCLR):
        expected, got = pack(clip), pack(clip[:, :, order])
        for step in steps:
            expected, got = step.normalize(expected, layout), step.normalize(got, shuffled)
        torch.testing.assert_close(got.frames, expected.frames[:, order])


# What a layout may lack


def test_a_hand_is_centred_at_its_wrist():
    clip = people(frames=6)[:, :, :22]
    for each_frame, frames in ((False, [0]), (True, range(6))):
        got = unpack(CenterClip(each_frame).normalize(pack(clip), HAND22))[0]
        assert (got[0, frames, 0] == 0).all() and got[1, :, 0].all()
        moved_by = clip[0, :, [0]] if each_frame else clip[0, :1, [0]]
        tracked = (clip != 0).any(-1)
        torch.testing.assert_close(got[tracked], (clip - moved_by)[tracked])


def test_every_person_of_a_hand_is_centred_at_its_graphs_centre():
    got = unpack(CenterPersons().normalize(pack(people()[:, :, :22]), HAND22))[0]
    assert (got[:, :, HAND22.center] == 0).all() and got[:, :, 1].any()


@pytest.mark.parametrize(
    ('step', 'part'),
    [(AlignShoulders(), 'shoulders'), (AlignShoulders(each_frame=True), 'shoulders'), (PreNormalize(), 'spine')],
)
def test_what_needs_a_trunk_is_refused_by_name_for_a_hand(step, part):
    name = type(step).__name__
    with pytest.raises(
        ConfigError, match=f"{name} needs `{part}` of the layout, and layout 'hand22' has none: leave {name}"
    ):
        step.normalize(pack(people()[:, :, :22]), HAND22)


def test_resizing_leaves_the_persons_of_the_batch():
    """Of a batch whose clips all show one person, a model of two persons still gets two."""
    batch = ResizeClips(7).normalize(pack(people(1, 5), people(1, 9)), NTU25)
    assert batch.max_persons == 2
