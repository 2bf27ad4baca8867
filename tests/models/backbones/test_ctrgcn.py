import pytest
import torch

from mmskelssl.datasets.layouts import KINECT20
from mmskelssl.models.backbones.ctrgcn import CTRGCN, ChannelwiseGraphConv, CTRGCNBlock, MultiScaleTemporalConv
from mmskelssl.models.backbones.graph import directed_partition
from mmskelssl.utils.errors import ConfigError


def shaken(module):
    """With every parameter random, in eval mode."""
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, 0, 0.5)
    return module.eval()


@pytest.mark.parametrize(('before', 'after', 'relations'), [(3, 8, 8), (16, 8, 2)])
def test_graph_convolution_against_loops(before, after, relations):
    conv = shaken(ChannelwiseGraphConv(before, after, torch.rand(3, 4, 4)))
    x = torch.randn(2, before, 5, 4)
    assert conv.theta.out_channels == 3 * relations
    expected = torch.zeros(2, after, 5, 4)
    mapped = conv.mix(x).chunk(3, 1)
    # Of each frame first, and then on average.
    theta, phi = (part(x).mean(2).chunk(3, 1) for part in (conv.theta, conv.phi))
    for k in range(3):
        weight, bias = (p.chunk(3)[k].flatten(1) for p in (conv.refine.weight, conv.refine.bias[:, None]))
        for u in range(4):
            for v in range(4):
                difference = (theta[k][:, :, u] - phi[k][:, :, v]).tanh()
                edge = conv.alpha * (difference @ weight.T + bias[:, 0]) + conv.graph[k, u, v]
                expected[..., u] += edge[:, :, None] * mapped[k][..., v]
    torch.testing.assert_close(conv(x), (conv.norm(expected) + conv.down(x)).relu())


def test_training_starts_from_the_fixed_graph_and_hardly_from_it():
    conv = ChannelwiseGraphConv(8, 8, directed_partition(KINECT20)).eval()
    assert torch.equal(conv.graph, directed_partition(KINECT20)) and conv.alpha == 0
    x = torch.randn(2, 8, 5, 20)
    torch.testing.assert_close(conv(x), x.relu(), atol=1e-3, rtol=0)


def test_branches_see_so_many_frames():
    conv = MultiScaleTemporalConv(4).eval()
    for parameter in conv.parameters():
        torch.nn.init.constant_(parameter, 0.5)
    x = torch.rand(1, 4, 21, 2)
    other = x.clone()
    other[:, :, 10, 0] += 10
    changed = (conv(x) != conv(other))[0]
    assert not changed[..., 1].any()
    frames = [branch.nonzero().flatten().tolist() for branch in changed[..., 0]]
    assert frames == [[8, 9, 10, 11, 12], [6, 8, 10, 12, 14], [9, 10, 11], [10]]


def test_a_block_is_graph_then_time_then_residual():
    block = shaken(CTRGCNBlock(8, 16, torch.rand(3, 4, 4)))
    x = torch.randn(2, 8, 6, 4)
    torch.testing.assert_close(block(x), (block.tcn(block.gcn(x)) + block.residual(x)).relu())
    plain = shaken(CTRGCNBlock(8, 8, torch.rand(3, 4, 4), residual=False))
    torch.testing.assert_close(plain(x), plain.tcn(plain.gcn(x)).relu())


def test_map_has_all_frames_of_all_joints():
    network = CTRGCN(KINECT20, 2, channels=(8, 16, 4)).eval()
    assert network.feature_map(torch.randn(3, 2, 7, 20, 3)).shape == (3, 2, 4, 7, 20)
    assert network.input_norm.num_features == 2 * 20 * 3 and network.out_channels == 4


def test_channels_that_cannot_be_shared_are_refused():
    with pytest.raises(ConfigError, match='6 channels of graph convolutions cannot be shared by 4 branches'):
        CTRGCN(KINECT20, 2, channels=(8, 6))
