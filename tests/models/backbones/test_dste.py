import pytest
import torch
from torch.nn.functional import gelu, layer_norm, linear

from mmskelssl.datasets.layouts import KINECT20
from mmskelssl.models import build_backbone
from mmskelssl.models.backbones.dste import DenseLayer, DropPath
from mmskelssl.models.backbones.gcn_transformer import time_encoding
from mmskelssl.utils.errors import ConfigError


def make(**options):
    return build_backbone(dict(type='DSTE', num_frames=8, width=12, num_heads=2) | options, KINECT20, 2).eval()


def test_a_layer_written_out():
    layer = DenseLayer(num_tokens=6, width=4, num_heads=2, gap=4, balance=0.3, drop_path=0.0)
    x = torch.randn(2, 6, 4)

    def norm(x, part):
        return layer_norm(x, (4,), part.weight, part.bias)

    def attend(x):
        return layer.attention(x, x, x)[0]

    def mlp(x, branch):
        first, _, second = branch.feed_forward
        return linear(gelu(linear(x, first.weight, first.bias)), second.weight, second.bias)

    ca, dsa = layer.convolutional, layer.dense_shift
    mixed = x + linear(x, ca.convolution.weight[..., 0], ca.convolution.bias).relu()
    convolutional = mlp(norm(x + attend(norm(mixed, ca.norms[0])), ca.norms[1]), ca)

    def transformed(y):
        y = y + attend(norm(y, dsa.norms[0]))
        return y + mlp(norm(y, dsa.norms[1]), dsa)

    first, _, second = dsa.shift
    shifted = torch.stack(
        [
            x[:, t]
            if t in (0, 4)
            else x[:, t]
            + sum(
                second.weight[t, u] * (first.weight[u, :, None] * x).sum(1).add(first.bias[u]).relu() for u in range(6)
            )
            + second.bias[t]
            for t in range(6)
        ],
        1,
    )
    expected = 0.3 * convolutional + 0.7 * (transformed(shifted) + transformed(x)) / 2
    torch.testing.assert_close(layer(x), expected)


def test_positions_enter_before_every_layer():
    backbone = make()
    view = torch.randn(3, 2, 8, 20, 3)
    embedded = backbone.embed(view)
    positions = dict(temporal=time_encoding(8, 12, view), spatial=backbone.joint_positions)
    for form, tokens in backbone.tokens(view).items():
        x = embedded[form]
        for layer in backbone.layers[form]:
            x = layer(x + positions[form])
        torch.testing.assert_close(tokens, x)


def test_drop_path_leaves_whole_branches_out_and_keeps_the_mean():
    drop, x = DropPath(0.25).train(), torch.ones(4000, 3, 2)
    dropped = drop(x)
    assert set(dropped.flatten().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    assert torch.equal(dropped.amax((1, 2)), dropped.amin((1, 2)))
    assert dropped.mean().item() == pytest.approx(1, abs=0.03)
    assert torch.equal(drop.eval()(x), x)


@pytest.mark.parametrize(
    ('options', 'says'),
    [
        (dict(gap=0), 'gap=0 is too small'),
        (dict(balance=1.5), r'model.backbone.balance=1.5 is not within \[0, 1\]'),
        (dict(drop_path=-0.1), r'model.backbone.drop_path=-0.1 is not within \[0, 1\]'),
    ],
)
def test_values_out_of_range_are_refused(options, says):
    with pytest.raises(ConfigError, match=says):
        make(**options)
