import pytest
import torch
from random_views import apply, keyed, matrices_of, views

from mmskelssl.datasets.transforms import AxisMask, GaussianNoise, JointCorruption, JointOffset, RandomTurn, Shear
from mmskelssl.datasets.transforms.spatial import map_coordinates, turn_about_y

SHAPES = [(2, 64, 25, 3), (1, 50, 20, 3), (1, 1, 3, 3), (1, 1, 25, 3), (2, 3, 7, 3)]


@pytest.mark.parametrize('shape', SHAPES)
def test_map_coordinates_is_a_product_per_clip(shape):
    view, matrix = views(5, *shape), torch.randn(5, 3, 3)
    got = map_coordinates(view, matrix)
    for n in range(5):
        torch.testing.assert_close(got[n], view[n] @ matrix[n].T, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('shape', SHAPES)
def test_map_coordinates_of_some_joints(shape):
    view, matrix = views(6, *shape), torch.randn(6, 3, 3)
    joints = torch.rand(6, shape[2], generator=torch.Generator().manual_seed(0)) < 0.5
    before = view.clone()
    got = map_coordinates(view, matrix, joints)
    for n in range(6):
        expected = torch.where(joints[n][:, None], view[n] @ matrix[n].T, view[n])
        torch.testing.assert_close(got[n], expected, rtol=1e-5, atol=1e-5)
        assert torch.equal(got[n][..., ~joints[n], :], view[n][..., ~joints[n], :])
    assert torch.equal(view, before)


def test_map_coordinates_of_views_that_are_not_contiguous():
    view, matrix = views(4, 8, 2, 25, 3).transpose(1, 2), torch.randn(4, 3, 3).transpose(1, 2)
    joints = torch.ones(4, 25, dtype=torch.bool)
    expected = torch.einsum('nmtvc,ndc->nmtvd', view, matrix)
    torch.testing.assert_close(map_coordinates(view, matrix), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(map_coordinates(view, matrix, joints), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('amplitude', [1.0, 0.5])
def test_shear_has_unit_diagonal_and_even_entries(amplitude):
    view = views(3000, 1, 2, 4, 3)
    matrix, rest = matrices_of(view, apply(Shear(amplitude), view))
    assert rest < 1e-4
    torch.testing.assert_close(matrix.diagonal(dim1=1, dim2=2), torch.ones(3000, 3).double(), atol=1e-3, rtol=0)
    entries = matrix[:, ~torch.eye(3, dtype=torch.bool)]
    assert 0.98 * amplitude < entries.abs().max() < amplitude + 1e-3
    # Of a uniform distribution, entry by entry and without correlation.
    assert (entries.mean(0) / amplitude).abs().max() < 0.05
    assert (entries.var(0) / amplitude**2 - 1 / 3).abs().max() < 0.03
    assert (torch.corrcoef(entries.T) - torch.eye(6)).abs().max() < 0.08


def test_shear_is_the_product_with_the_drawn_matrix():
    view = views(7)
    got = apply(Shear(0.7), view, seed=5)
    drawn = keyed(7, seed=5).uniform(3, 3) * 1.4 - 0.7
    for n in range(7):
        matrix = drawn[n].clone()
        matrix.fill_diagonal_(1)
        torch.testing.assert_close(got[n], view[n] @ matrix.T, rtol=1e-4, atol=1e-5)


def test_orthogonalized_shear_is_the_nearest_orthogonal_matrix():
    view = views(200)
    sheared, _ = matrices_of(view, apply(Shear(), view))
    turned, rest = matrices_of(view, apply(Shear(orthogonalize=True), view))
    assert rest < 1e-4
    eye = torch.eye(3).double().expand(200, 3, 3)
    torch.testing.assert_close(turned @ turned.transpose(1, 2), eye, atol=1e-4, rtol=0)
    # The polar factor: turnedᵀ sheared is symmetric and positive.
    stretch = turned.transpose(1, 2) @ sheared
    torch.testing.assert_close(stretch, stretch.transpose(1, 2), atol=1e-3, rtol=0)
    assert torch.linalg.eigvalsh(stretch).min() > -1e-3


@pytest.mark.parametrize('num_joints', [15, 1, 25])
def test_corruption_takes_the_same_joints_of_all_frames_and_persons(num_joints):
    view = views(400)
    got = apply(JointCorruption(num_joints), view)
    changed = (got != view).any(-1)
    joints = changed[:, 0, 0]
    assert (joints.sum(1) == num_joints).all()
    assert (changed == joints[:, None, None]).all()
    zeroed = 0
    for n in range(400):
        before, after = view[n][:, :, joints[n]], got[n][:, :, joints[n]]
        if (after == 0).all():
            zeroed += 1
            continue
        matrix, rest = matrices_of(before[None], after[None])
        assert rest < 1e-4 and matrix.abs().max() < 1 + 1e-3
    assert 160 < zeroed < 240


def test_corruption_of_no_joint_changes_nothing():
    view = views(5)
    assert torch.equal(apply(JointCorruption(0), view), view)


def test_corruption_matrices_are_even():
    view = views(3000, 1, 2, 4, 3)
    matrix, _ = matrices_of(view, apply(JointCorruption(4), view))
    matrix = matrix[(matrix != 0).any(-1).any(-1)]
    entries = matrix[matrix.abs().amax((1, 2)) > 1e-6].flatten(1)
    assert 0.45 < len(entries) / 3000 < 0.55
    assert entries.mean(0).abs().max() < 0.06 and (entries.var(0) - 1 / 3).abs().max() < 0.03


def test_corruption_of_more_joints_than_there_are_is_refused():
    with pytest.raises(ValueError, match='num_joints=26, but the clips have only 25'):
        apply(JointCorruption(26), views(2))


def test_turn_keeps_heights_and_distances():
    view = views(300)
    got = apply(RandomTurn(), view)
    torch.testing.assert_close(got[..., 1], view[..., 1], atol=1e-6, rtol=0)
    for n in range(0, 300, 50):
        before, after = view[n].flatten(0, 2), got[n].flatten(0, 2)
        torch.testing.assert_close(torch.cdist(after, after), torch.cdist(before, before), atol=1e-2, rtol=1e-3)
    matrix, _ = matrices_of(view, got)
    assert torch.linalg.det(matrix).min() > 0.999
    angle = torch.rad2deg(torch.atan2(matrix[:, 0, 2], matrix[:, 0, 0]))
    assert 85 < angle.max() < 90.01 and -90.01 < angle.min() < -85
    assert abs(angle.mean().item()) < 10
    assert matrices_of(view, apply(RandomTurn(10), view))[0][:, 0, 2].abs().max() < 0.1737


def test_turn_about_y_is_right_handed():
    quarter = turn_about_y(torch.tensor([torch.pi / 2]))[0]
    torch.testing.assert_close(
        quarter @ torch.tensor([0.0, 0.0, 1.0]), torch.tensor([1.0, 0.0, 0.0]), atol=1e-6, rtol=0
    )
    torch.testing.assert_close(
        quarter @ torch.tensor([1.0, 5.0, 0.0]), torch.tensor([0.0, 5.0, -1.0]), atol=1e-6, rtol=0
    )


def test_axis_mask_takes_one_axis_of_the_whole_clip():
    view = views(900)
    got = apply(AxisMask(), view)
    zero = (got == 0).all(1).all(1).all(1)
    assert (zero.sum(1) == 1).all() and (zero.sum(0) - 300).abs().max() < 60
    assert torch.equal(got, torch.where(zero[:, None, None, None], 0, view))


def test_noise_is_normal_and_independent():
    view = views(50, 2, 20, 25, 3)
    noise = (apply(GaussianNoise(0.05), view) - view) / 0.05
    assert noise.mean().abs() < 0.01 and (noise.std() - 1).abs() < 0.01
    assert (noise.abs() < 1).float().mean().item() == pytest.approx(0.6827, abs=0.01)
    assert (torch.corrcoef(noise.flatten(0, 2).flatten(1).T) - torch.eye(75)).abs().max() < 0.15


def test_an_offset_moves_each_joint_and_leaves_its_movement():
    view = views(60, 2, 7, 25, 3)
    offset = apply(JointOffset(0.3), view) - view
    torch.testing.assert_close(offset, offset[:, :, :1].expand_as(offset), rtol=0, atol=1e-5)
    vectors = offset[:, :, 0] / 0.3
    assert vectors.mean().abs() < 0.05 and (vectors.std() - 1).abs() < 0.05
    assert (torch.corrcoef(vectors.reshape(60, -1).T) - torch.eye(150)).abs().max() < 0.6


def test_an_offset_leaves_an_absent_person_and_a_joint_that_was_never_seen():
    view = views(5, 2, 7, 25, 3)
    view[2, 1], view[3, 0, :, 4] = 0, 0
    moved = apply(JointOffset(), view) != view
    assert not moved[2, 1].any() and not moved[3, 0, :, 4].any() and moved[3, 0, :, 5].all()


@pytest.mark.parametrize(
    'transform',
    [Shear(), Shear(orthogonalize=True), JointCorruption(3), RandomTurn(), AxisMask(), GaussianNoise(), JointOffset()],
)
def test_views_of_one_frame_and_input_left_alone(transform):
    view = views(9, 1, 1, 5, 3)
    before = view.clone()
    got = apply(transform, view)
    assert got.shape == view.shape and got.isfinite().all() and not torch.equal(got, view)
    assert torch.equal(view, before)


def test_representations():
    assert repr(Shear(0.5)) == 'Shear(amplitude=0.5, orthogonalize=False)'
    assert repr(JointCorruption(3)) == 'JointCorruption(num_joints=3)'
    assert repr(GaussianNoise(0.1)) == 'GaussianNoise(std=0.1)' and repr(AxisMask()) == 'AxisMask()'
    assert repr(RandomTurn(45)) == 'RandomTurn(max_angle=45)'
