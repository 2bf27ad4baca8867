import pytest
import torch

from mmskelssl.cli.official_weights import rename_agcn
from mmskelssl.datasets.layouts import LAYOUTS, get_layout
from mmskelssl.models.backbones.agcn import AGCN, AdaptiveGraphConv, AGCNBlock
from mmskelssl.models.backbones.graph import directed_partition

BONES = (
    '1-2 2-21 3-21 4-3 5-21 6-5 7-6 8-7 9-21 10-9 11-10 12-11 13-1 14-13 15-14 16-15 17-1 18-17 19-18 20-19 22-23 23-8 '
    '24-25 25-12'
)


def shaken(module: torch.nn.Module) -> torch.nn.Module:
    """With every parameter and running statistic random, in eval mode."""
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, 0, 0.5)
    for name, buffer in module.named_buffers():
        if 'running' in name:
            torch.nn.init.uniform_(buffer, 0.5, 1.5)
    return module.eval()


def test_graph_of_the_official_program():
    """Self links; from parent to child, then from child to parent, each column-normalized."""
    inward, outward = torch.zeros(25, 25), torch.zeros(25, 25)
    for bone in BONES.split():
        child, parent = (int(v) - 1 for v in bone.split('-'))
        inward[parent, child] = 1
        outward[child, parent] = 1
    for graph in (inward, outward):
        for column in range(25):
            graph[:, column] /= max(graph[:, column].sum(), 1)
    torch.testing.assert_close(directed_partition(get_layout('ntu25')), torch.stack([torch.eye(25), inward, outward]))


@pytest.mark.parametrize('channels', [(4, 8), (8, 8)])
def test_graph_convolution_against_loops(channels):
    before, after = channels
    width = after // 4
    adjacency = directed_partition(get_layout('ntu25'))
    conv = shaken(AdaptiveGraphConv(before, after, adjacency))
    x = torch.randn(2, before, 6, 25)

    def embed(embedding, k, clip):
        """(T, V, width) of subset k, joint by joint."""
        weight, bias = (p[k * width : (k + 1) * width] for p in (embedding.weight[:, :, 0, 0], embedding.bias))
        return torch.einsum('oc,ctv->tvo', weight, x[clip]) + bias

    mixed = torch.zeros(2, after, 6, 25)
    for clip in range(2):
        for k in range(3):
            theta, phi = embed(conv.theta, k, clip), embed(conv.phi, k, clip)
            affinity = torch.zeros(25, 25)
            for v in range(25):
                for w in range(25):
                    affinity[v, w] = (theta[:, v] * phi[:, w]).sum() / (width * 6)
            graph = adjacency[k] + conv.learned[k] + affinity.exp() / affinity.exp().sum(0)
            gathered = torch.zeros(before, 6, 25)
            for v in range(25):
                for w in range(25):
                    gathered[:, :, w] += x[clip, :, :, v] * graph[v, w]
            weight = conv.mix.weight[:, k * before : (k + 1) * before, 0, 0]
            mixed[clip] += torch.einsum('oc,ctv->otv', weight, gathered)
    mixed += conv.mix.bias[:, None, None]
    expected = (conv.norm(mixed) + (x if before == after else conv.down(x))).relu()
    torch.testing.assert_close(conv(x), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('channels', [(4, 8), (8, 8)])
@pytest.mark.parametrize('residual', [True, False])
def test_block(channels, stride, residual):
    block = shaken(AGCNBlock(*channels, directed_partition(get_layout('ntu25')), stride, residual))
    x = torch.randn(2, channels[0], 10, 25)
    spatial = block.gcn(x)
    conv, norm = block.tcn
    temporal = torch.zeros(2, 8, 10 // stride, 25)
    for t in range(10 // stride):
        for shift in range(9):
            source = t * stride + shift - 4
            if 0 <= source < 10:
                temporal[:, :, t] += torch.einsum('oc,ncv->nov', conv.weight[:, :, shift, 0], spatial[:, :, source])
    y = norm(temporal + conv.bias[:, None, None])
    if residual:
        y = y + (x if channels == (8, 8) and stride == 1 else block.residual(x))
    torch.testing.assert_close(block(x), y.relu(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('layout', LAYOUTS)
def test_feature(layout):
    num_joints = get_layout(layout).num_joints
    model = AGCN(layout, base_channels=4).eval()
    x = torch.randn(3, 2, 16, num_joints, 3)
    feature = model(x)
    assert feature.shape == (3, 16) and model.out_channels == 16
    # Input features are ordered person, joint, coordinate; persons go their own way from there.
    normed = model.input_norm(torch.stack([x[:, :, t].flatten(1) for t in range(16)], 2))
    persons = normed.view(3, 2, num_joints, 3, 16).permute(1, 0, 3, 4, 2)
    pooled = torch.stack([model.blocks(person.contiguous()).mean((2, 3)) for person in persons])
    torch.testing.assert_close(feature, pooled.mean(0), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(model(x[1:2]), feature[1:2], atol=1e-6, rtol=1e-5)


def test_frames_shrink_in_two_blocks():
    model = AGCN(base_channels=4)
    shapes = []
    for block in model.blocks:
        block.register_forward_hook(lambda _, __, y: shapes.append(tuple(y.shape[1:3])))
    model(torch.randn(2, 2, 16, 25, 3))
    assert shapes == [(4, 16)] * 4 + [(8, 8)] * 3 + [(16, 4)] * 3
    assert [block.residual is None for block in model.blocks] == [True] + [False] * 9


def test_convolutions_begin_as_the_residual_alone():
    conv = AdaptiveGraphConv(8, 8, directed_partition(get_layout('ntu25'))).eval()
    x = torch.rand(2, 8, 6, 25)
    torch.testing.assert_close(conv(x), x, atol=1e-4, rtol=0)


def test_size_of_the_paper():
    """Blocks of 64 x 4, 128 x 3, 256 x 3 channels and three subsets."""
    widths = [64] * 4 + [128] * 3 + [256] * 3
    expected = 2 * 2 * 25 * 3
    for number, (before, width) in enumerate(zip([3, *widths], widths, strict=False)):
        embedding, norm = width // 4, 2 * width
        expected += 3 * 25 * 25 + 3 * 2 * embedding * (before + 1) + 3 * width * before + width + norm
        expected += width * (9 * width + 1) + norm
        if before != width:
            expected += width * (before + 1) + norm  # of the graph convolution
            expected += (width * (before + 1) + norm) * (number > 0)  # of the block
    model = AGCN()
    assert sum(p.numel() for p in model.parameters()) == expected
    assert model.out_channels == 256


@pytest.mark.shared
def test_features_of_the_official_program(shared):
    golden = torch.load(shared / 'golden' / 'agcn.pt', torch.get_default_device(), weights_only=True)
    weights = rename_agcn(golden['official_state_dict'])
    model = AGCN(base_channels=len(weights['backbone.blocks.0.tcn.0.weight'])).eval()
    head = torch.nn.Linear(*reversed(weights['neck.0.weight'].shape))
    for module, prefix in ((model, 'backbone.'), (head, 'neck.0.')):
        module.load_state_dict({k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)})
    feature = model(golden['input'].permute(0, 4, 2, 3, 1).contiguous())
    scale = golden['features_eval'].abs().max()
    assert (feature - golden['features_eval']).abs().max() < 1e-5 * max(scale, 1)
    torch.testing.assert_close(head(feature), golden['logits'], atol=1e-4, rtol=1e-5)
