import pytest
import torch

from mmskelssl.datasets.layouts import LAYOUTS, SkeletonLayout, get_layout
from mmskelssl.models.modalities import MODALITIES, check_layout, get_modality, num_channels
from mmskelssl.utils.errors import ConfigError

# A chain 0 <- 1 <- 2 whose root is its middle: parents of 0, 1, 2 are 1, 1, 1.
CHAIN = SkeletonLayout(
    name='chain', joints=('a', 'b', 'c'), parents=(1, 1, 1), center=1, pairs=((0, 2),), spine=(0, 1), shoulders=(0, 2)
)
# One clip, one person, frames 0 and 1, joints (x, y).
VIEW = torch.tensor([[[[[1.0, 2], [3, 5], [0, 7]], [[2, 2], [8, 1], [-1, 7]]]]])


def test_joint_is_the_view_itself():
    assert get_modality('joint')(VIEW, CHAIN) is VIEW


def test_motion_is_the_step_to_the_next_frame_and_zero_in_the_last():
    expected = torch.tensor([[[[[1.0, 0], [5, -4], [-1, 0]], [[0, 0], [0, 0], [0, 0]]]]])
    assert torch.equal(get_modality('motion')(VIEW, CHAIN), expected)


def test_bone_is_the_vector_from_the_parent_and_zero_at_the_root():
    expected = torch.tensor([[[[[-2.0, -3], [0, 0], [-3, 2]], [[-6, 1], [0, 0], [-9, 6]]]]])
    assert torch.equal(get_modality('bone')(VIEW, CHAIN), expected)


def test_fused_is_the_way_from_the_start_the_bones_and_the_motion():
    expected = torch.cat(
        (VIEW - VIEW[0, 0, 0, 0], *(get_modality(name)(VIEW, CHAIN) for name in ('bone', 'motion'))), -1
    )
    assert torch.equal(get_modality('fused')(VIEW, CHAIN), expected)


def test_fused_keeps_persons_apart_and_missing_joints_at_zero():
    view = torch.randn(2, 2, 4, 3, 3) + 5
    view[1, 1] = 0
    view[0, 0, 2, 1] = 0
    relative = get_modality('fused')(view, CHAIN)[..., :3]
    torch.testing.assert_close(relative[0, 1, 3, 2], view[0, 1, 3, 2] - view[0, 0, 0, 0])
    assert not relative[1, 1].any() and not relative[0, 0, 2, 1].any()


@pytest.mark.parametrize('name', MODALITIES)
@pytest.mark.parametrize('coords', [2, 3])
def test_channels(name, coords):
    view = torch.randn(1, 1, 4, 3, coords)
    assert get_modality(name)(view, CHAIN).shape == (1, 1, 4, 3, num_channels(name, coords))


@pytest.mark.parametrize('layout', LAYOUTS.values(), ids=list(LAYOUTS))
def test_values_against_loops(layout):
    view = torch.randn(2, 2, 4, layout.num_joints, 3)
    motion, bone = (get_modality(name)(view, layout) for name in ('motion', 'bone'))
    assert motion.shape == bone.shape == view.shape
    for t in range(4):
        expected = view[:, :, t + 1] - view[:, :, t] if t < 3 else torch.zeros_like(view[:, :, 0])
        assert torch.equal(motion[:, :, t], expected)
    for v, parent in enumerate(layout.parents):
        assert torch.equal(bone[..., v, :], view[..., v, :] - view[..., parent, :])
    (root,) = (v for v, parent in enumerate(layout.parents) if v == parent)
    assert not bone[..., root, :].any()


def test_published_roots():
    assert get_layout('ntu25').parents[20] == 20
    assert get_layout('kinect20').parents[2] == 2


@pytest.mark.parametrize('name', MODALITIES)
def test_view_is_left_as_it_was(name):
    view = VIEW.clone()
    get_modality(name)(view, CHAIN)
    assert torch.equal(view, VIEW)


def test_unknown_modality_is_named_with_those_known():
    with pytest.raises(ConfigError, match=r"Unknown modality 'bones'.*'joint', 'motion', 'bone', 'fused'"):
        get_modality('bones')


@pytest.mark.parametrize('shape', [(2, 1, 4, 20, 3), (1, 4, 25, 3)])
def test_views_of_another_layout_are_refused(shape):
    with pytest.raises(ValueError, match=r"does not fit layout 'ntu25' with 25 joints.*set model.layout"):
        check_layout(torch.zeros(shape), get_layout('ntu25'))
