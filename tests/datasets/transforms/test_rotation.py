import math

import pytest
import torch
from random_views import apply, matrices_of, views

from mmskelssl.datasets.transforms import MainAxisRotation, RandomRotation
from mmskelssl.datasets.transforms.rotation import turn_about_axes


def angles_of(matrix):
    """(N, 3) degrees about x, then y, then z, of matrices that :func:`turn_about_axes` makes."""
    about_x = torch.atan2(-matrix[:, 2, 1], matrix[:, 2, 2])
    about_y = torch.asin(matrix[:, 2, 0])
    about_z = torch.atan2(-matrix[:, 1, 0], matrix[:, 0, 0])
    return torch.rad2deg(torch.stack([about_x, about_y, about_z], 1))


@pytest.mark.parametrize('axis', range(3))
def test_each_axis_turns_the_two_others(axis):
    angle = torch.zeros(1, 3)
    angle[0, axis] = math.radians(30)
    matrix = turn_about_axes(angle)[0]
    first, second = (axis + 1) % 3, (axis + 2) % 3
    assert matrix[axis].tolist() == matrix[:, axis].tolist() == [float(i == axis) for i in range(3)]
    torch.testing.assert_close(matrix[first, second], torch.tensor(0.5))
    torch.testing.assert_close(matrix[second, first], torch.tensor(-0.5))


def test_axes_follow_in_the_order_x_y_z():
    angles = torch.rand(20, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    only = [turn_about_axes(angles * torch.eye(3)[axis]) for axis in range(3)]
    torch.testing.assert_close(turn_about_axes(angles), only[2] @ (only[1] @ only[0]))


@pytest.mark.parametrize('max_angle', [math.degrees(0.3), 60.0])
def test_rotation_is_even_about_all_axes(max_angle):
    view = views(3000, 1, 2, 4, 3)
    matrix, rest = matrices_of(view, apply(RandomRotation(max_angle), view))
    assert rest < 1e-4 and (torch.linalg.det(matrix) - 1).abs().max() < 1e-3
    share = angles_of(matrix) / max_angle
    assert share.abs().max() < 1.001 and (share.abs().max(0).values > 0.98).all()
    assert share.mean(0).abs().max() < 0.06 and (share.var(0) - 1 / 3).abs().max() < 0.03
    assert (torch.corrcoef(share.T) - torch.eye(3)).abs().max() < 0.08


def test_main_axis_rotation_turns_one_axis_much():
    view = views(3000, 1, 2, 4, 3)
    matrix, rest = matrices_of(view, apply(MainAxisRotation(30, 1), view))
    angles = angles_of(matrix)
    assert rest < 1e-4 and angles.min() > -0.01
    main = angles.max(1)
    # One in thirty of the main angles is not above one degree.
    assert main.values.max() < 30.01 and 13.5 < main.values.mean() < 15.5
    assert (torch.bincount(main.indices) - 1000).abs().max() < 120
    others = angles.sort(1).values[:, :2]
    assert others.max() < 1.01 and 0.45 < others.mean() < 0.55


def test_rotation_leaves_its_input_alone_and_says_what_it_is():
    view = views(5)
    before = view.clone()
    assert not torch.equal(apply(RandomRotation(), view), view) and torch.equal(view, before)
    assert repr(RandomRotation(10)) == 'RandomRotation(max_angle=10)'
    assert repr(MainAxisRotation()) == 'MainAxisRotation(max_angle=30.0, max_other_angle=1.0)'
