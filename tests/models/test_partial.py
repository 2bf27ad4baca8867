"""What partial views keep, and how often in the long run."""

import pytest
import torch

from mmskelssl.datasets.layouts import get_layout
from mmskelssl.models.partial import keep_outer_joints, ordered_subset, still_frames, take_frames


def test_still_frames_by_hand():
    # One joint on a line: it moves by 1, 5, 0, 2, 0 and, after the last frame, not at all.
    x = torch.tensor([0.0, 1, 6, 6, 8, 8]).view(1, 1, 6, 1, 1)
    assert [still_frames(x, count)[0].tolist() for count in (6, 5, 4, 2)] == [
        [0, 1, 2, 3, 4, 5],
        [0, 2, 3, 4, 5],
        [0, 2, 4, 5],
        [2, 4],
    ]
    assert take_frames(x, still_frames(x, 4)).flatten().tolist() == [0, 6, 8, 8]


def test_all_persons_and_joints_count():
    x = torch.zeros(1, 2, 3, 4, 3)
    x[0, 1, 1:, 2, 0] = 1
    assert still_frames(x, 2).tolist() == [[1, 2]]


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_overflows_nowhere(dtype):
    x = torch.zeros(1, 1, 4, 1, 1)
    x[0, 0, 1:] = 300
    x[0, 0, 2:] = 600.0 + 32
    assert still_frames(x.to(dtype), 3).tolist() == [[0, 2, 3]]


def test_subsets_are_in_order_and_equally_likely():
    chosen = ordered_subset(torch.rand(4000, 5), 3)
    assert (chosen.diff(dim=1) > 0).all()
    share = torch.stack([(chosen == value).any(1).float().mean() for value in range(5)])
    torch.testing.assert_close(share, torch.full((5,), 0.6), atol=0.04, rtol=0)


def test_joints_leave_in_proportion_to_their_bones():
    """The first to leave; of NTU's 24 bones, the spine at the shoulders ends four and a tip of a hand one."""
    layout = get_layout('ntu25')
    kept = keep_outer_joints(layout, torch.rand(20000, 25), 24)
    assert (kept.diff(dim=1) > 0).all()
    left = torch.stack([(kept != joint).all(1).float().mean() for joint in range(25)])
    degree = torch.tensor([sum(joint in bone for bone in layout.bones) for joint in range(25)])
    assert (degree[20], degree[0], degree[21], degree.sum()) == (4, 3, 1, 48)
    torch.testing.assert_close(left, degree / 48, atol=0.008, rtol=0)


def test_all_joints_are_kept():
    assert keep_outer_joints(get_layout('hand22'), torch.rand(3, 22), 22).tolist() == [list(range(22))] * 3
