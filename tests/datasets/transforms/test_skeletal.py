import dataclasses

import pytest
import torch
from random_views import apply, views

from mmskelssl.datasets.layouts import HAND22, KINECT20, LAYOUTS, NTU25
from mmskelssl.datasets.transforms import LeftRightFlip, LimbScale, NeighborMask
from mmskelssl.datasets.transforms.skeletal import scale_bones, walks
from mmskelssl.utils.errors import ConfigError

LAYOUT = pytest.mark.parametrize('layout', LAYOUTS.values(), ids=list(LAYOUTS))


def bones(view, layout):
    return torch.stack([view[..., v, :] - view[..., p, :] for v, p in layout.bones], -2)


def test_flip_exchanges_left_and_right():
    view = views(3)
    got = apply(LeftRightFlip(), view)
    left, right = NTU25.joints.index('left knee'), NTU25.joints.index('right knee')
    assert torch.equal(got[..., left, :], view[..., right, :]) and torch.equal(got[..., right, :], view[..., left, :])
    assert torch.equal(got[..., NTU25.joints.index('head'), :], view[..., NTU25.joints.index('head'), :])


@pytest.mark.parametrize('axis', [0, 2])
def test_mirror_also_turns_the_axis(axis):
    view = views(3)
    before = view.clone()
    mirrored, swapped = apply(LeftRightFlip(axis=axis), view), apply(LeftRightFlip(), view)
    others = [i for i in range(3) if i != axis]
    assert torch.equal(mirrored[..., axis], -swapped[..., axis])
    assert torch.equal(mirrored[..., others], swapped[..., others])
    assert torch.equal(apply(LeftRightFlip(axis=axis), mirrored), view) and torch.equal(view, before)


def test_flip_without_pairs_is_refused_but_a_mirror_image_is_not():
    hand = views(3, 1, 4, 22, 3)
    with pytest.raises(ConfigError, match="LeftRightFlip needs `pairs` of the layout, and layout 'hand22' has none"):
        apply(LeftRightFlip(), hand, layout=HAND22)
    assert torch.equal(apply(LeftRightFlip(axis=0), hand, layout=HAND22), hand * torch.tensor([-1, 1, 1]))


@LAYOUT
def test_scaled_bones_keep_their_direction_and_the_root_its_place(layout):
    view = views(4, 2, 3, layout.num_joints, 3)
    factors = torch.rand(4, layout.num_joints, generator=torch.Generator().manual_seed(1)) + 0.5
    got = scale_bones(view, layout, factors)
    expected = bones(view, layout) * factors[:, None, None, [v for v, _ in layout.bones], None]
    torch.testing.assert_close(bones(got, layout), expected, rtol=1e-4, atol=1e-5)
    root = [v for v, p in enumerate(layout.parents) if v == p]
    assert torch.equal(got[..., root, :], view[..., root, :])


def test_limbs_are_scaled_group_by_group_alike_on_both_sides():
    view = views(2000, 1, 1, 20, 3)
    got = apply(LimbScale((0.8, 1.3)), view, layout=KINECT20)
    factor = bones(got, layout=KINECT20).norm(dim=-1)[:, 0, 0] / bones(view, layout=KINECT20).norm(dim=-1)[:, 0, 0]
    ends = [v for v, _ in KINECT20.bones]
    of = {name: factor[:, [i for i, v in enumerate(ends) if v in joints]] for name, joints in KINECT20.groups.items()}
    kinds = [
        of['trunk'],
        torch.cat([of['left arm'], of['right arm']], 1),
        torch.cat([of['left leg'], of['right leg']], 1),
    ]
    for kind in kinds:
        torch.testing.assert_close(kind, kind[:, :1].expand_as(kind), rtol=1e-3, atol=1e-3)
        assert 0.799 < kind.min() < 0.81 and 1.29 < kind.max() < 1.301
    drawn = torch.stack([kind[:, 0] for kind in kinds])
    assert (torch.corrcoef(drawn) - torch.eye(3)).abs().max() < 0.08


def test_limbs_outside_all_groups_stay_and_absent_persons_stay_absent():
    view = views(3, 2, 4, 25, 3)
    view[:, 1] = 0
    part = dataclasses.replace(NTU25, groups={'left leg': (12, 13, 14, 15)})
    got = apply(LimbScale(), view, layout=part)
    others = [v for v in range(25) if v not in (12, 13, 14, 15)]
    torch.testing.assert_close(got[..., others, :], view[..., others, :])
    assert (got[:, 0, :, 13] != view[:, 0, :, 13]).any() and (got[:, 1] == 0).all()


def test_limbs_of_a_layout_without_groups_are_refused():
    with pytest.raises(ConfigError, match='LimbScale needs `groups` of the layout'):
        apply(LimbScale(), views(2), layout=dataclasses.replace(NTU25, groups={}))


@LAYOUT
def test_walks_are_counted_along_bones(layout):
    near = {(v, v) for v in range(layout.num_joints)} | set(layout.bones) | {(p, v) for v, p in layout.bones}
    for v in (0, layout.num_joints - 1):
        for u in range(layout.num_joints):
            assert walks(layout)[v, u] == sum((v, w) in near and (w, u) in near for w in range(layout.num_joints))


def test_neighbors_are_masked_for_all_frames_and_persons():
    got = apply(NeighborMask(num_drawn=5, num_joints=8), torch.ones(300, 2, 4, 25, 3))
    masked = (got == 0)[:, 0, 0, :, 0]
    assert (masked.sum(1) == 8).all() and torch.equal(got == 0, masked[:, None, None, :, None].expand_as(got))


def test_neighbors_of_one_joint_are_near_it():
    reached = torch.from_numpy(walks(NTU25))
    got = apply(NeighborMask(num_drawn=1, num_joints=3), torch.ones(500, 1, 1, 25, 3))
    masked = (got == 0)[:, 0, 0, :, 0].float()
    # Some joint explains each mask: what it masks is reached at least as often as what it leaves.
    least = torch.stack([torch.where(masked.bool(), row, 99).amin(1) for row in reached])
    most = torch.stack([torch.where(masked.bool(), 0, row).amax(1) for row in reached])
    assert (least >= most).any(0).all()
    assert (masked.sum(0) > 0).all()


def test_more_neighbors_than_joints_are_refused():
    with pytest.raises(ConfigError, match='num_joints=30, but the clips have only 25'):
        apply(NeighborMask(num_joints=30), views(2))


def test_representations():
    assert repr(LeftRightFlip()) == 'LeftRightFlip(axis=None)'
    assert repr(LimbScale()) == 'LimbScale(factor=(0.85, 1.15))'
    assert repr(NeighborMask()) == 'NeighborMask(num_drawn=5, num_joints=8)'
