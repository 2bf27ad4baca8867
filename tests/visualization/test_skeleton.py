import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from PIL import Image

from mmskelssl.datasets.layouts import HAND22, KINECT20, NTU25
from mmskelssl.visualization import animate, draw_frames
from mmskelssl.visualization.projection import detect_up, project, visible_joints
from mmskelssl.visualization.skeleton import COLORS, LEFT, MIDDLE, RIGHT

PARENTS = np.array(KINECT20.parents)
NUM_BONES = 19


def standing_body() -> np.ndarray:
    """(20, 3) metres, far from the origin: spine upwards, arms hanging, left at negative x."""
    body = np.zeros((20, 3))
    body[:4, 1] = [0.0, 0.3, 0.55, 0.75]
    for first, side in ((4, -1), (8, 1)):
        body[first : first + 4] = np.stack([side * np.array([0.18, 0.2, 0.22, 0.23]), [0.5, 0.25, 0, -0.1], [0] * 4], 1)
    for first, side in ((12, -1), (16, 1)):
        body[first : first + 4] = np.stack([[side * 0.1] * 4, [-0.05, -0.45, -0.85, -0.9], [0, 0, 0, 0.1]], 1)
    return body + [1.0, 0.4, 3.0]


@pytest.fixture
def clip() -> np.ndarray:
    """(1, 12, 20, 3), walking to the right."""
    walk = np.linspace(0, 1, 12)[:, None, None] * [1.0, 0, 0]
    return (standing_body() + walk)[None].astype(np.float32)


def drawn_bones(figure) -> list[np.ndarray]:
    """The ends (S, 2, 2) of the bones in each picture."""
    return [
        np.array(collection.get_segments()).reshape(-1, 2, 2)
        for axes in figure.axes
        for collection in axes.collections
        if isinstance(collection, LineCollection)
    ]


def drawn_joints(figure) -> list[int]:
    return [
        len(collection.get_offsets())
        for axes in figure.axes
        for collection in axes.collections
        if not isinstance(collection, LineCollection)
    ]


def test_every_bone_and_joint_is_drawn(clip):
    figure = draw_frames([clip], ['walk'], KINECT20, frames=5)
    assert [len(bones) for bones in drawn_bones(figure)] == [NUM_BONES] * 5
    assert drawn_joints(figure) == [20] * 5


def test_bones_lie_at_x_and_y_of_their_joints(clip):
    (bones,) = drawn_bones(draw_frames([clip], ['walk'], KINECT20, frames=1))
    joints = [v for v, p in KINECT20.bones]
    expected = np.stack([clip[0, 0, joints, :2], clip[0, 0, PARENTS[joints], :2]], axis=1)
    bones, expected = (ends.reshape(-1, 4).astype(float) for ends in (bones, expected))
    np.testing.assert_allclose(sorted(bones.tolist()), sorted(expected.tolist()), atol=1e-6)


def test_frames_are_evenly_spaced_and_include_both_ends(clip):
    figure = draw_frames([clip], ['walk'], KINECT20, frames=3)
    assert [text.get_text() for axes in figure.axes for text in axes.texts] == ['t=0', 't=6', 't=11']


def test_short_clip_shows_each_frame_once(clip):
    assert len(draw_frames([clip[:, :3]], ['short'], KINECT20, frames=8).axes) == 3


def test_rows_share_one_scale_and_one_aspect(clip):
    figure = draw_frames([clip, clip * 2], ['small', 'large'], KINECT20, frames=2)
    spans = np.array([[np.ptp(axes.get_xlim()), np.ptp(axes.get_ylim())] for axes in figure.axes])
    assert spans == pytest.approx(np.tile(spans[0], (4, 1)))
    sizes = np.array([axes.get_position().size * figure.get_size_inches() for axes in figure.axes])
    assert sizes / spans == pytest.approx(np.full((4, 2), sizes[0, 0] / spans[0, 0]))


def test_everything_drawn_is_inside_its_picture(clip):
    figure = draw_frames([clip, clip * 2], ['small', 'large'], KINECT20, frames=4)
    for axes, bones in zip(figure.axes, drawn_bones(figure), strict=True):
        for limits, values in zip((axes.get_xlim(), axes.get_ylim()), np.moveaxis(bones, -1, 0), strict=True):
            assert limits[0] < values.min() and values.max() < limits[1]


def test_zeroed_joint_draws_no_line(clip):
    clip[:, :, 5] = 0  # left elbow, an end of two bones
    figure = draw_frames([clip], ['corrupted'], KINECT20, frames=4)
    assert [len(bones) for bones in drawn_bones(figure)] == [NUM_BONES - 2] * 4
    assert drawn_joints(figure) == [19] * 4
    assert all((np.abs(bones).sum(-1) > 0).all() for bones in drawn_bones(figure))


def test_zeroed_spine_far_from_the_body_draws_no_line(clip):
    clip[:, :, KINECT20.spine[0]] = 0
    assert len(drawn_bones(draw_frames([clip], ['corrupted'], KINECT20, frames=1))[0]) == NUM_BONES - 3


def test_origin_joint_of_a_centred_clip_is_drawn(clip):
    centred = clip - clip[:, :, KINECT20.spine[0], None]
    assert not centred[:, :, KINECT20.spine[0]].any()
    assert visible_joints(centred, KINECT20).all()


def test_corrupted_joints_of_a_centred_clip_are_not_drawn(clip):
    centred = clip - clip[:, :, KINECT20.spine[0], None]
    centred[:, :, [1, 6]] = 0
    hidden = np.nonzero(~visible_joints(centred, KINECT20)[0, 0])[0]
    assert hidden.tolist() == [KINECT20.spine[0], 1, 6]


def test_absent_person_and_absent_frames_are_not_drawn(clip):
    two = np.concatenate([clip, clip + [1, 0, 0]])
    two[1, 6:] = 0
    figure = draw_frames([two, np.concatenate([clip, 0 * clip])], ['leaves', 'alone'], KINECT20, frames=2)
    assert [len(bones) for bones in drawn_bones(figure)] == [2 * NUM_BONES, NUM_BONES, NUM_BONES, NUM_BONES]


def test_empty_clip_leaves_empty_pictures(clip):
    figure = draw_frames([0 * clip], ['empty'], KINECT20, frames=2)
    assert [len(bones) for bones in drawn_bones(figure)] == [0, 0]
    assert not figure.legends


def test_sides_and_persons_have_their_colors(clip):
    figure = draw_frames([np.concatenate([clip, clip + [1, 0, 0]])], ['two'], KINECT20, frames=1)
    (lines,) = [c for c in figure.axes[0].collections if isinstance(c, LineCollection)]
    colors = [to_hex(color) for color in lines.get_colors()]
    for person in range(2):
        counts = [colors.count(COLORS[person, side]) for side in (LEFT, MIDDLE, RIGHT)]
        assert counts == [8, 3, 8]
        # The fixture's left side is at the lesser x.
        left, right = (
            [ends[:, 0].mean() for ends, color in zip(lines.get_segments(), colors, strict=True) if color == wanted]
            for wanted in (COLORS[person, LEFT], COLORS[person, RIGHT])
        )
        assert max(left) < min(right)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        f'person {m} {side}' for m in (1, 2) for side in ('left', 'right')
    ]


def test_up_is_found_before_and_after_normalization(clip):
    z_up = clip[..., [0, 2, 1]] * [1, -1, 1]
    assert detect_up(clip, KINECT20) == '+y'
    assert detect_up(z_up, KINECT20) == '+z'
    assert detect_up(clip * [1, -1, 1], KINECT20) == '-y'
    assert detect_up(0 * clip, KINECT20) is None
    np.testing.assert_allclose(project(z_up, '+z'), project(clip, '+y'), rtol=1e-6)


@pytest.mark.parametrize('up', ['+x', '-x', '+y', '-y', '+z', '-z'])
def test_projection_turns_without_mirroring(up):
    matrix = project(np.eye(3), up, turn=30)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1)
    axis = np.eye(3)['xyz'.index(up[1])] * (1 if up[0] == '+' else -1)
    np.testing.assert_allclose(project(axis, up, turn=30), [0, 1, 0], atol=1e-12)


def test_turn_by_a_right_angle_brings_depth_to_the_right():
    np.testing.assert_allclose(project(np.array([0.0, 0, 1]), '+y', turn=90), [1, 0, 0], atol=1e-12)


def test_titles_stay_inside_the_figure(clip):
    title = 'a title of many words ' * 12
    figure = draw_frames([clip], [title], KINECT20, frames=3)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.texts]
    assert boxes[0].x0 >= 0 and boxes[0].x1 <= figure.bbox.x1 and boxes[0].y1 <= figure.bbox.y1
    assert boxes[0].y0 >= figure.axes[0].get_window_extent().y1 - 1


def test_wrong_clips_are_refused_by_name(clip):
    with pytest.raises(ValueError, match=r"'walk' has shape \(1, 12, 20, 3\).*25 joints"):
        draw_frames([clip], ['walk'], NTU25)
    with pytest.raises(ValueError, match='1 clips and 2 titles'):
        draw_frames([clip], ['a', 'b'], KINECT20)


def test_animation_has_all_frames_of_the_longest_clip(clip, tmp_path):
    path = tmp_path / 'clips.gif'
    animate([clip, clip[:, ::3]], ['long', 'short'], KINECT20, path, fps=20, size=2)
    with Image.open(path) as image:
        durations = []
        for number in range(image.n_frames):
            image.seek(number)
            durations.append(image.info['duration'])
        assert durations == [50] * 12
        assert image.info['loop'] == 0
        width, height = image.size
    # One line of titles above panels of two inches, none of them narrower than its title.
    assert height == pytest.approx(225, abs=1)
    assert width >= 2 * 160
    assert [file.name for file in tmp_path.iterdir()] == ['clips.gif']


def test_animation_moves_and_pauses_with_its_clip(clip, tmp_path):
    path = tmp_path / 'clips.gif'
    still = np.repeat(clip[:, :1], 12, axis=1)
    animate([clip, still], ['walks', 'stands'], KINECT20, path, size=2)
    with Image.open(path) as image:
        pictures = []
        for number in range(image.n_frames):
            image.seek(number)
            pictures.append(np.asarray(image.convert('L'), int))
    half = pictures[0].shape[1] // 2
    change = np.abs(pictures[0] - pictures[-1])
    assert (change[:, :half] > 60).sum() > 50
    assert not (change[:, half:] > 60).any()


def test_failed_animation_leaves_nothing(clip, tmp_path):
    with pytest.raises(ValueError, match=r'\.gif'):
        animate([clip], ['walk'], KINECT20, tmp_path / 'clip.avi')
    with pytest.raises(ValueError, match='1 to 50'):
        animate([clip], ['walk'], KINECT20, tmp_path / 'clip.gif', fps=100)
    assert not list(tmp_path.iterdir())


def open_hand() -> np.ndarray:
    """(1, 3, 22, 3): fingers that point up from the wrist."""
    hand = np.zeros((22, 3))
    hand[1, 1] = 0.05
    for finger in range(5):
        hand[2 + 4 * finger : 6 + 4 * finger, 0] = 0.02 * (finger - 2)
        hand[2 + 4 * finger : 6 + 4 * finger, 1] = [0.09, 0.12, 0.14, 0.15]
    return np.tile(hand, (1, 3, 1, 1))


def test_a_hand_is_drawn_without_sides_and_with_its_wrist(tmp_path):
    """It has no spine that tells what is up: its layout does. Its wrist is at the origin."""
    hand = open_hand()
    assert visible_joints(hand, HAND22).all()
    assert detect_up(hand[..., [0, 2, 1]], HAND22) == HAND22.up == '+y'
    figure = draw_frames([hand], ['hand'], HAND22, frames=2)
    assert [len(bones) for bones in drawn_bones(figure)] == [21, 21]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ['person 1']
    animate([hand], ['hand'], HAND22, tmp_path / 'hand.gif')
    assert (tmp_path / 'hand.gif').exists()
