import pytest
import torch
import torch.nn.functional as F

from mmskelssl.models.backbones import TCN
from mmskelssl.utils.errors import ConfigError

M, T, V = 2, 12, 20


def randomized(**options) -> TCN:
    """An encoder in eval mode with batch statistics and affine terms that are not those of the start."""
    model = TCN('kinect20', M, **dict(channels=(6, 6, 8)) | options).eval()
    for name, tensor in model.state_dict().items():
        if name.endswith('running_var'):
            tensor.uniform_(0.5, 2)
        elif tensor.is_floating_point():
            tensor.normal_(std=0.5)
    return model


def normalized(x: torch.Tensor, norm) -> torch.Tensor:
    return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)


def block(x: torch.Tensor, part, stride: int) -> torch.Tensor:
    first, _, convolution, second, _, _, last = part.residual
    y = F.conv1d(normalized(x, first).relu(), convolution.weight, stride=stride, padding=1)
    y = F.conv1d(normalized(y, second).relu(), last.weight, padding=1)
    return y + (x if isinstance(part.shortcut, torch.nn.Identity) else F.conv1d(x, part.shortcut.weight, stride=stride))


def test_blocks_halve_time_from_the_second_on_and_both_pools_stand_side_by_side():
    model, view = randomized(), torch.randn(3, M, T, V, 3)
    x = torch.stack([view[:, m, :, v, c] for m in range(M) for v in range(V) for c in range(3)], 1)
    x = F.conv1d(normalized(x, model.input_norm), model.project[1].weight, model.project[1].bias)
    for part, stride in zip(model.blocks, (1, 2, 2), strict=False):
        x = block(x, part, stride)
    assert x.shape[-1] == T // 4
    x = normalized(x, model.blocks[3]).relu()
    pooled = torch.cat((x.mean(-1), x.max(-1).values), 1)
    norm = model.output_norm
    expected = 0.3 * (pooled - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
    torch.testing.assert_close(model(view), expected, atol=1e-5, rtol=1e-4)


def test_features_of_training_views_are_centred_and_of_one_scale():
    model = TCN('kinect20', 1, channels=(6, 8), dropout=0.0)
    features = model(5 + torch.randn(64, 1, T, V, 3))
    torch.testing.assert_close(features.mean(0), torch.zeros(16), atol=1e-5, rtol=0)
    torch.testing.assert_close(features.std(0, correction=0), torch.full((16,), 0.3), atol=1e-2, rtol=0)


def test_the_size_is_that_of_the_page():
    """20 joints of one person, joints, bones and motion."""
    assert sum(p.numel() for p in TCN('kinect20', 1, in_channels=9).parameters()) == 566_504


def test_dropout_takes_whole_channels_in_training_only():
    model = TCN('kinect20', 1, channels=(6, 8), dropout=0.5, block_dropout=0.5)
    view = torch.randn(4, 1, T, V, 3)
    assert not torch.equal(model(view), model(view))
    model.eval()
    assert torch.equal(model(view), model(view))


@pytest.mark.parametrize('frames', [1, 2, 7])
def test_short_views(frames):
    assert randomized()(torch.randn(2, M, frames, V, 3)).shape == (2, 16)


def test_views_of_other_persons_are_refused():
    with pytest.raises(ConfigError, match=r'TCN expects 120 input features \(M x V x C\) but got 60: set model.layout'):
        randomized()(torch.randn(2, 1, T, V, 3))
