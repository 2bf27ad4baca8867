import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.datasets.transforms import AlignShoulders, CenterClip
from mmskelssl.datasets.transforms.spatial import turn_about_y

LEFT, RIGHT = NTU25.shoulders
BASE = NTU25.spine[0]


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
        batch = step(batch, NTU25)
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


@pytest.mark.parametrize('steps', [[CenterClip()], [CenterClip(True)], [AlignShoulders()]])
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


@pytest.mark.parametrize('step', [CenterClip(), CenterClip(True), AlignShoulders()])
def test_clips_of_a_batch_do_not_touch_each_other(step):
    clips = [people(2, 5, 1), people(1, 1, 2), people(2, 1, 3), people(1, 9, 4)]
    before = [clip.clone() for clip in clips]
    together = unpack(step(pack(*clips), NTU25))
    for clip, got, kept in zip(clips, together, before, strict=True):
        torch.testing.assert_close(got, normalize(clip, step), rtol=0, atol=1e-6)
        assert torch.equal(clip, kept)
