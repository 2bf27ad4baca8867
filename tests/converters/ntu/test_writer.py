import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmskelssl.converters.ntu import write_skeleton_file
from mmskelssl.utils.errors import ClipError


def parse(path):
    """The file as frames of {body id: (body fields, 25 x 12 joint fields)}, by the letter of the format."""
    lines = iter(path.read_text().splitlines())
    frames = []
    for _ in range(int(next(lines))):
        bodies = {}
        for _ in range(int(next(lines))):
            head = next(lines).split()
            assert len(head) == 10
            joints = np.array([[float(field) for field in next(lines).split()] for _ in range(int(next(lines)))])
            assert joints.shape == (25, 12)
            bodies[int(head[0])] = head, joints
        frames.append(bodies)
    assert next(lines, None) is None
    return frames


def random_clip(seed, persons, frames):
    centre = np.broadcast_to((0, 0, 3), (persons, frames, 25, 3))
    return np.random.default_rng(seed).normal(centre, 0.5).astype(np.float32)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), persons=st.integers(1, 6), frames=st.integers(1, 5), data=st.data())
def test_coordinates_survive_exactly_and_absent_persons_are_left_out(tmp_path_factory, seed, persons, frames, data):
    clip = random_clip(seed, persons, frames)
    absent = data.draw(st.lists(st.booleans(), min_size=persons * frames, max_size=persons * frames))
    clip[np.reshape(absent, (persons, frames))] = 0
    path = tmp_path_factory.mktemp('raw') / 'clip.skeleton'
    ids = list(range(100, 100 + persons))
    write_skeleton_file(path, clip, ids)
    parsed = parse(path)
    assert len(parsed) == frames
    for t, bodies in enumerate(parsed):
        assert list(bodies) == [ids[m] for m in range(persons) if clip[m, t].any()]
        for body, (_, joints) in bodies.items():
            np.testing.assert_array_equal(joints[:, :3].astype(np.float32), clip[ids.index(body), t])
            assert np.isfinite(joints).all()


def test_fields_are_those_of_a_tracked_body(tmp_path):
    clip = np.zeros((1, 2, 25, 3), np.float32)
    clip[..., 2] = 2
    clip[0, :, 3] = (0.2, 0.6, 2)
    write_skeleton_file(tmp_path / 'clip.skeleton', clip)
    ((head, joints),) = parse(tmp_path / 'clip.skeleton')[1].values()
    assert int(head[0]) > 2**32 and head[9] == '2'
    assert (joints[:, 11] == 2).all()
    # A joint straight ahead is seen in the middle of both images; up is towards row 0.
    np.testing.assert_allclose(joints[0, 3:7], (256, 212, 960, 540))
    np.testing.assert_allclose(joints[3, 3:7], (256 + 36.55, 212 - 109.65, 960 + 106, 540 - 318), atol=0.01)


def test_joints_at_the_camera_have_finite_pixels(tmp_path):
    clip = random_clip(0, 1, 2)
    clip[..., 2] = np.linspace(-1, 0, 25)
    write_skeleton_file(tmp_path / 'clip.skeleton', clip)
    frames = parse(tmp_path / 'clip.skeleton')
    assert all(np.isfinite(joints).all() for bodies in frames for _, joints in bodies.values())


@pytest.mark.parametrize(
    'shape', [(2, 25, 3), (1, 2, 20, 3), (1, 2, 25, 2), (0, 2, 25, 3), (7, 2, 25, 3), (1, 0, 25, 3)]
)
def test_other_shapes_are_refused_and_leave_no_file(tmp_path, shape):
    with pytest.raises(ClipError, match="Clip 'name' is .*25, 3"):
        write_skeleton_file(tmp_path / 'name.skeleton', np.ones(shape))
    assert not list(tmp_path.iterdir())


def test_coordinates_that_are_not_finite_are_refused(tmp_path):
    clip = random_clip(0, 1, 2)
    clip[0, 1, 4, 2] = np.nan
    with pytest.raises(ClipError, match='NaN or infinite'):
        write_skeleton_file(tmp_path / 'name.skeleton', clip)


@pytest.mark.parametrize('ids', [[1], [1, 1], [1, 2, 3]])
def test_every_person_needs_its_own_id(tmp_path, ids):
    with pytest.raises(ClipError, match='2 persons but body ids'):
        write_skeleton_file(tmp_path / 'name.skeleton', random_clip(0, 2, 2), ids)
