import pytest
import torch
from torch import nn

from mmskelssl.models import BiGRU

M, T, V, C, HIDDEN = 2, 16, 25, 3, 8


def randomized(**options) -> BiGRU:
    """An encoder in eval mode with batch statistics and affine terms that are not those of the start."""
    model = BiGRU('ntu25', M, HIDDEN, **options).eval()
    norm = model.input_norm
    for tensor in (norm.running_mean, norm.weight.data, norm.bias.data):
        tensor.normal_()
    norm.running_var.uniform_(0.5, 2)
    return model


def input_features(model: BiGRU, x: torch.Tensor) -> torch.Tensor:
    """(N, T, V * C * M) normalized, written out: feature ((v * C) + c) * M + m."""
    features = torch.stack([x[:, m, :, v, c] for v in range(V) for c in range(C) for m in range(M)], -1)
    norm = model.input_norm
    return (features - norm.running_mean) / (norm.running_var + norm.eps).sqrt() * norm.weight + norm.bias


def as_torch_gru(model: BiGRU) -> nn.GRU:
    """PyTorch's own bidirectional GRU with the same weights."""
    gru = nn.GRU(V * C * M, HIDDEN, len(model.layers), batch_first=True, bidirectional=True)
    for number, pair in enumerate(model.layers):
        for suffix, layer in zip(('', '_reverse'), pair, strict=True):
            for name, parameter in layer.named_parameters():
                getattr(gru, name.replace('_l0', f'_l{number}{suffix}')).data.copy_(parameter)
    return gru


@pytest.mark.parametrize('num_layers', [1, 3])
@pytest.mark.parametrize('pool', ['last', 'mean'])
def test_official_reading_is_a_bidirectional_gru_fed_frame_by_frame(num_layers, pool):
    model = randomized(num_layers=num_layers, pool=pool)
    x = torch.randn(4, M, T, V, C)
    features, gru, hidden, outputs = input_features(model, x), as_torch_gru(model), None, []
    for t in range(T):
        output, hidden = gru(features[:, t : t + 1], hidden)
        outputs.append(output[:, 0])
    expected = outputs[-1] if pool == 'last' else torch.stack(outputs).mean(0)
    torch.testing.assert_close(model(x), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize('num_layers', [1, 3])
@pytest.mark.parametrize('pool', ['last', 'mean'])
def test_bidirectional_reading_is_a_bidirectional_gru_over_the_sequence(num_layers, pool):
    model = randomized(num_layers=num_layers, pool=pool, bidirectional=True)
    x = torch.randn(4, M, T, V, C)
    outputs, _ = as_torch_gru(model)(input_features(model, x))
    expected = outputs[:, -1] if pool == 'last' else outputs.mean(1)
    torch.testing.assert_close(model(x), expected, atol=1e-6, rtol=0)


def test_both_readings_differ():
    model = randomized()
    x = torch.randn(2, M, T, V, C)
    official = model(x)
    model.bidirectional = True
    assert (model(x) - official).abs().max() > 1e-2


@pytest.mark.parametrize('bidirectional', [False, True])
def test_only_the_bidirectional_reading_sees_the_future(bidirectional):
    model = randomized(bidirectional=bidirectional)
    outputs = []
    model.layers[-1][0].register_forward_hook(lambda _, __, output: outputs.append(output[0]))
    x = torch.randn(2, M, T, V, C)
    changed = x.clone()
    changed[:, :, 10:] = 0
    model(x), model(changed)
    before, after = outputs
    assert torch.equal(before[:10], after[:10]) != bidirectional
    assert not torch.equal(before[10:], after[10:])


def test_training_normalizes_by_the_batch():
    model = BiGRU('ntu25', M, HIDDEN)
    x = 5 + 3 * torch.randn(4, M, T, V, C)
    trained = model.train()(x)
    flat = torch.stack([x[:, m, :, v, c] for v in range(V) for c in range(C) for m in range(M)])
    torch.testing.assert_close(model.input_norm.running_mean, 0.1 * flat.mean((1, 2)))
    model.input_norm.running_mean.copy_(flat.mean((1, 2)))
    model.input_norm.running_var.copy_(flat.var((1, 2), correction=0))
    torch.testing.assert_close(model.eval()(x), trained, atol=1e-5, rtol=0)


def test_weight_matrices_are_xavier_uniform():
    model = BiGRU(num_persons=1, hidden_channels=64)
    for parameter in model.layers.parameters():
        if parameter.ndim == 2:
            bound = (6 / sum(parameter.shape)) ** 0.5
            assert 0.98 * bound < parameter.abs().max() <= bound
            assert parameter.std().item() == pytest.approx(bound / 3**0.5, rel=0.05)


def test_size_of_the_papers():
    model = BiGRU()
    first, later = 3 * 1024 * (150 + 1024 + 2), 3 * 1024 * (2048 + 1024 + 2)
    assert sum(p.numel() for p in model.parameters()) == 2 * (first + 2 * later) + 2 * 150 == 44_998_956
    assert model.out_channels == 2048


def test_wrong_number_of_joints_is_explained():
    with pytest.raises(ValueError, match=r'expects 150 input features \(V x C x M\) but got 120: set model.layout and'):
        BiGRU('ntu25', M, HIDDEN)(torch.zeros(2, M, T, 20, C))


def test_unknown_pool_is_refused():
    with pytest.raises(ValueError, match="pool='max'"):
        BiGRU(pool='max', hidden_channels=HIDDEN)


@pytest.mark.parametrize('pool', ['last', 'mean'])
def test_features_of_frames_are_pooled(pool):
    model = randomized(pool=pool)
    x = torch.randn(4, M, T, V, C)
    frames = model.frames(x)
    assert frames.shape == (4, T, 2 * HIDDEN)
    torch.testing.assert_close(frames[:, -1] if pool == 'last' else frames.mean(1), model(x))
    torch.testing.assert_close(model.frames(x[:, :, :5]), frames[:, :5])
