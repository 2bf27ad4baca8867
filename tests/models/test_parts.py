import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmskelssl.datasets.keyed_random import KeyedRandom
from mmskelssl.datasets.layouts import LAYOUTS, SkeletonLayout, get_layout
from mmskelssl.models.parts import draw_hidden_parts, draw_parts, part_table
from mmskelssl.utils.errors import ConfigError


def test_table_of_parts():
    table = part_table(get_layout('kinect20'))
    assert table.shape == (5, 20) and table.sum(0).tolist() == [1] * 20
    assert [row.nonzero()[:, 0].tolist() for row in table] == [list(range(4 * i, 4 * i + 4)) for i in range(5)]


def test_a_layout_without_parts_is_refused():
    with pytest.raises(ConfigError, match="layout 'stick' has none: give it `groups`"):
        part_table(SkeletonLayout('stick', ('a', 'b'), (0, 0), 0))


def count_parts(joints, layout):
    """How many parts are wholly in (..., V) joints, all of which are in some."""
    whole = torch.stack([joints[..., list(part)].all(-1) for part in layout.groups.values()], -1)
    assert torch.equal((whole.float() @ part_table(layout).float()) > 0, joints)
    return whole.sum(-1)


@given(st.sampled_from(sorted(LAYOUTS)), st.floats(0.05, 0.99), st.integers(1, 6), st.integers(6, 20))
def test_a_share_of_the_parts_is_hidden_in_each_block(name, ratio, blocks, frames):
    layout = get_layout(name)
    hidden = draw_hidden_parts(KeyedRandom(torch.arange(4)), layout, frames, ratio, blocks)
    assert hidden.shape == (4, frames, layout.num_joints)
    expected = max(int(len(layout.groups) * ratio), 1)
    assert count_parts(hidden, layout).eq(expected).all()
    starts = [-(-block * frames // blocks) for block in range(blocks)]
    changes = (hidden[:, 1:] != hidden[:, :-1]).any(2).any(0).nonzero()[:, 0] + 1
    assert set(changes.tolist()) <= set(starts)


def test_the_program_hides_three_of_five_parts_in_blocks_of_eight_frames():
    layout = get_layout('ntu25')
    hidden = draw_hidden_parts(KeyedRandom(torch.arange(500)), layout, 64, 0.6, 8)
    assert count_parts(hidden, layout).eq(3).all()
    blocks = hidden.unflatten(1, (8, 8))
    assert torch.equal(blocks, blocks[:, :, :1].expand_as(blocks))
    first = blocks[:, :, 0]
    assert first.float().mean((0, 1)).sub(0.6).abs().max() < 0.05
    assert len({tuple(row) for row in first.flatten(0, 1).int().tolist()}) == 10


def test_counts_of_each_clip():
    layout = get_layout('hand22')
    counts = torch.tensor([0, 1, 4, 6])
    assert torch.equal(count_parts(draw_parts(KeyedRandom(torch.arange(4)), layout, counts), layout), counts)
