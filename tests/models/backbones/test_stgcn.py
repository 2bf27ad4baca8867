import copy

import numpy as np
import pytest
import torch

from mmskelssl.datasets.layouts import LAYOUTS, get_layout
from mmskelssl.models import STGCN
from mmskelssl.models.backbones.graph import spatial_partition
from mmskelssl.models.backbones.stgcn import STGCNBlock

# Facts of the layouts, written out a second time: 1-based bones (joint, parent) and centre.
LIMBS = '4-3 6-5 7-6 8-7 10-9 11-10 12-11 13-1 14-13 15-14 16-15 17-1 18-17 19-18 20-19'
FINGERS = ' '.join(f'{v}-1 {v + 1}-{v} {v + 2}-{v + 1} {v + 3}-{v + 2}' for v in range(3, 23, 4))
GRAPHS = {
    'ntu25': (25, f'{LIMBS} 1-2 2-21 3-21 5-21 9-21 22-23 23-8 24-25 25-12', 21),
    'kinect20': (20, f'{LIMBS} 1-2 2-3 5-3 9-3', 3),
    'hand22': (
        22,
        ' '.join(['2-1', *(f'{b}-1 {b + 1}-{b} {b + 2}-{b + 1} {b + 3}-{b + 2}' for b in range(3, 23, 4))]),
        1,
    ),
    'coco17': (17, '2-1 3-1 4-2 5-3 6-1 7-1 8-6 9-7 10-8 11-9 12-6 13-7 14-12 15-13 16-14 17-15', 1),
}


def slow_partition(layout: str) -> tuple[np.ndarray, np.ndarray]:
    """Subsets (3, V, V) and normalized adjacency (V, V), joint by joint as in the program of ST-GCN (max_hop=1)."""
    num_joints, bones, center = GRAPHS[layout]
    edges = {frozenset(int(v) - 1 for v in bone.split('-')) for bone in bones.split()}

    def hop(i, j):
        return 0 if i == j else 1 if {i, j} in edges else np.inf

    joints = range(num_joints)
    adjacency = np.array([[float(hop(i, j) <= 1) for j in joints] for i in joints])
    adjacency /= adjacency.sum(0)
    subsets = np.zeros((3, num_joints, num_joints))
    for i in joints:
        for j in joints:
            if hop(j, i) == 0:
                subsets[0, j, i] = adjacency[j, i]
            elif hop(j, i) == 1:
                farther = hop(j, center - 1) >= hop(i, center - 1)
                subsets[1 if farther else 2, j, i] = adjacency[j, i]
    return subsets, adjacency


@pytest.mark.parametrize('layout', GRAPHS)
def test_partition_is_that_of_the_official_program(layout):
    subsets, adjacency = slow_partition(layout)
    partition = spatial_partition(get_layout(layout))
    np.testing.assert_allclose(partition.cpu().numpy(), subsets, rtol=1e-6)
    np.testing.assert_allclose(partition.sum(0).cpu().numpy(), adjacency, rtol=1e-6)
    torch.testing.assert_close(partition.sum((0, 1)), torch.ones(partition.shape[1]))


def test_partition_by_hand_at_the_centre():
    root, centripetal, centrifugal = spatial_partition(get_layout('ntu25'))
    # Joint 20 (spine at shoulders) has neighbours 1, 2, 4, 8: five links with its own.
    assert root[20, 20] == pytest.approx(1 / 5)
    assert centripetal[1, 20] == pytest.approx(1 / 5) and centrifugal[1, 20] == 0
    # Its neighbour 4 (left shoulder) has three links; that from the centre is centrifugal.
    assert centrifugal[20, 4] == pytest.approx(1 / 3) and centripetal[20, 4] == 0


@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('channels', [(4, 4), (4, 6)])
def test_block_against_loops(channels, stride):
    before, after = channels
    adjacency = spatial_partition(get_layout('ntu25'))
    block = STGCNBlock(before, after, adjacency, stride).eval()
    block.edge_importance.data.uniform_(0.5, 1.5)
    x = torch.randn(2, before, 10, 25)
    mixed = torch.zeros(2, after, 10, 25)
    convolved = block.gcn(x)
    for k in range(3):
        graph = adjacency[k] * block.edge_importance[k]
        for w in range(25):
            for v in range(25):
                mixed[..., w] += convolved[:, k * after : (k + 1) * after, :, v] * graph[v, w]
    skip = x if channels == (4, 4) and stride == 1 else block.residual(x)
    torch.testing.assert_close(block(x), (block.tcn(mixed) + skip).relu(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('layout', LAYOUTS)
def test_feature(layout):
    model = STGCN(layout, base_channels=4, out_channels=24).eval()
    x = torch.randn(3, 2, 16, get_layout(layout).num_joints, 3)
    feature = model(x)
    assert feature.shape == (3, 24) and model.out_channels == 24
    # Persons are encoded one by one and averaged, clips do not see each other.
    persons = torch.stack([model(x[:, m : m + 1]) for m in range(2)])
    torch.testing.assert_close(feature, persons.mean(0), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(model(x[1:2]), feature[1:2], atol=1e-6, rtol=1e-5)


def test_frames_shrink_in_two_blocks():
    model = STGCN(base_channels=4, out_channels=24)
    shapes = []
    for block in model.blocks:
        block.register_forward_hook(lambda _, __, y: shapes.append(tuple(y.shape[1:3])))
    model(torch.randn(2, 1, 16, 25, 3))
    assert shapes == [(4, 16)] * 4 + [(8, 8)] * 3 + [(16, 4)] * 2 + [(24, 4)]


def test_input_features_are_ordered_joint_then_coordinate():
    model = STGCN(base_channels=4, out_channels=8).eval()
    x = torch.randn(2, 1, 16, 25, 3)
    changed = x.clone()
    changed[..., 7, 2] += 1
    assert not torch.allclose(model(changed), model(x))
    model.input_norm.weight.data[7 * 3 + 2] = 0
    assert torch.equal(model(changed), model(x))


def test_dropout_spares_the_first_block():
    model = STGCN(base_channels=4, out_channels=8, dropout=0.3)
    assert [block.tcn[-1].p for block in model.blocks] == [0] + [0.3] * 9
    assert [block.residual is None for block in model.blocks] == [True] + [False] * 9


def test_size_of_the_paper():
    widths = [16, 16, 16, 16, 32, 32, 32, 64, 64, 256]
    expected = 2 * 75
    for number, (before, width) in enumerate(zip([3, *widths], widths, strict=False)):
        expected += 3 * 25 * 25 + 3 * width * (before + 1)  # edge importance, graph convolution
        expected += 4 * width + width * (9 * width + 1)  # two norms, temporal convolution
        if number and before != width:
            expected += width * (before + 1) + 2 * width  # residual convolution and norm
    model = STGCN()
    assert sum(p.numel() for p in model.parameters()) == expected
    assert model.out_channels == 256


@pytest.mark.parametrize('with_cp', [False, True])
def test_all_joints_are_the_whole_graph(with_cp):
    model = STGCN('kinect20', base_channels=2, out_channels=8, dropout=0.0, with_cp=with_cp).double()
    x = torch.randn(3, 2, 16, 20, 3, dtype=torch.float64)
    every = torch.arange(20).expand(3, -1)
    torch.testing.assert_close(model.subgraph_map(x, every), model.feature_map(x))


def test_subgraph_is_the_graph_without_the_other_joints_of_each_clip():
    model = STGCN('kinect20', base_channels=2, out_channels=8).double().eval()
    for block in model.blocks:
        block.edge_importance.data.uniform_(0.5, 1.5)
    x = torch.randn(2, 2, 16, 20, 3, dtype=torch.float64)
    joints = torch.tensor([[0, 1, 2, 5, 19], [3, 4, 5, 6, 7]])
    maps = model.subgraph_map(x, joints)
    assert maps.shape == (2, 2, 8, 4, 5)
    for clip, kept, found in zip(x, joints, maps, strict=True):
        cut = copy.deepcopy(model)
        others = [v for v in range(20) if v not in kept]
        for block in cut.blocks:
            block.adjacency[:, others] = 0
        torch.testing.assert_close(found, cut.feature_map(clip[None])[0][..., kept])
