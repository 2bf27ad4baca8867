import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmskelssl.datasets.layouts import LAYOUTS, get_layout
from mmskelssl.models.backbones.gcn_transformer import AggregationLayer, GCNTransformer, time_encoding


@pytest.fixture
def model():
    return GCNTransformer(gcn_channels=4, width=8, num_layers=2, num_heads=2, ffn_channels=16).eval()


def attend(attention: nn.MultiheadAttention, queries: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Multi-head attention of one clip, (T, C) to (S, C), head by head and token by token."""
    width = queries.shape[1]
    size = width // attention.num_heads
    q, k, v = (
        F.linear(x, weight, bias)
        for x, weight, bias in zip(
            (queries, values, values),
            attention.in_proj_weight.chunk(3),
            attention.in_proj_bias.chunk(3),
            strict=True,
        )
    )
    out = torch.zeros_like(q)
    for t in range(len(q)):
        for head in range(attention.num_heads):
            part = slice(head * size, (head + 1) * size)
            weights = torch.stack([q[t, part] @ key[part] / math.sqrt(size) for key in k]).softmax(0)
            out[t, part] = sum(weight * value[part] for weight, value in zip(weights, v, strict=True))
    return attention.out_proj(out)


@pytest.mark.parametrize('cluster', [False, True])
def test_layer_written_out(cluster):
    layer = AggregationLayer(8, 2, 16, dropout=0.1).eval()
    for norm in layer.norms:
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias)
    tokens, neighbours = torch.randn(3, 5, 8), torch.randn(3, 4, 8)
    for clip, out in enumerate(layer(tokens, neighbours if cluster else None)):
        x = tokens[clip]
        normed = layer.norms[0](x)
        x = x + attend(layer.self_attention, normed, normed)
        if cluster:
            x = x + attend(layer.cross_attention, layer.norms[1](x), neighbours[clip])
        up, down = layer.feed_forward[0], layer.feed_forward[3]
        x = x + down(F.gelu(up(layer.norms[2](x))))
        torch.testing.assert_close(out, x, atol=1e-5, rtol=1e-5)


def test_feature_is_the_mean_over_time(model):
    tokens = torch.randn(3, 5, 8)
    x = tokens
    for layer in model.layers:
        x = layer(x)
    torch.testing.assert_close(model.aggregate(tokens), model.norm(x).mean(1))


@pytest.mark.parametrize('layout', LAYOUTS)
def test_tokens_are_frames_of_all_joints_and_persons(layout):
    num_joints = get_layout(layout).num_joints
    model = GCNTransformer(layout, num_persons=2, gcn_channels=4, width=8, num_layers=1, num_heads=2).eval()
    x = torch.randn(3, 2, 10, num_joints, 3)
    persons = []
    for m in range(2):
        person = model.input_norm(x[:, m].flatten(2).transpose(1, 2)).transpose(1, 2).view(3, 10, num_joints, 3)
        persons.append(model.gcn(person.permute(0, 3, 1, 2)))
    frames = torch.stack([y[:, :, t].flatten(1) for t in range(10) for y in persons], 1).view(3, 10, -1)
    assert frames.shape[2] == 4 * num_joints * 2
    expected = model.reduce(frames) + time_encoding(10, 8, frames)
    torch.testing.assert_close(model.tokens(x), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(model(x), model.aggregate(expected), atol=1e-5, rtol=1e-5)
    assert model(x).shape == (3, model.out_channels)


def test_time_encoding_by_hand():
    encoding = time_encoding(4, 6, torch.zeros(1, dtype=torch.float64))
    for t in range(4):
        for i in range(3):
            angle = t / 10000 ** (2 * i / 6)
            assert encoding[t, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-6)
            assert encoding[t, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-6)


def test_order_of_frames_matters(model):
    x = torch.randn(3, 2, 10, 25, 3)
    assert not torch.allclose(model(x), model(x.flip(2)), atol=1e-3)


def test_order_of_neighbours_does_not_matter(model):
    tokens, neighbours = torch.randn(3, 5, 8), torch.randn(3, 6, 8)
    clustered = model.aggregate(tokens, neighbours)
    torch.testing.assert_close(model.aggregate(tokens, neighbours[:, torch.randperm(6)]), clustered)
    other = neighbours.clone()
    other[:, 2] += 1
    assert not torch.allclose(model.aggregate(tokens, other), clustered, atol=1e-3)


def test_equal_neighbours_are_one(model):
    tokens, neighbour = torch.randn(3, 5, 8), torch.randn(3, 1, 8)
    torch.testing.assert_close(
        model.aggregate(tokens, neighbour.expand(-1, 6, -1)), model.aggregate(tokens, neighbour), atol=1e-6, rtol=1e-5
    )


def test_without_neighbours_it_is_the_instance_branch(model):
    x = torch.randn(3, 2, 10, 25, 3)
    assert torch.equal(model.aggregate(model.tokens(x), None), model(x))
    assert not torch.allclose(model.aggregate(model.tokens(x), torch.randn(3, 4, 8)), model(x), atol=1e-3)


def test_size_of_the_paper():
    """I²MD, section 4.1.1: three ST-GCN layers, 3,200 features a frame, 6 layers of width 768, 12 heads, FFN 3,072."""
    channels, joints, persons, width, ffn, layers = 64, 25, 2, 768, 3072, 6
    graph = 3 * joints * joints
    temporal = channels * (9 * channels + 1) + 2 * 2 * channels  # convolution over 9 frames between two norms
    gcn = sum(graph + 3 * channels * (before + 1) + temporal for before in (3, channels, channels))
    reduce = 3200 * width + width
    attention = 4 * (width * width + width)
    feed_forward = width * ffn + ffn + ffn * width + width
    norm = 2 * width
    instance = 2 * 3 * joints + gcn + reduce + layers * (attention + feed_forward + 2 * norm) + norm
    cluster_only = layers * (attention + norm)

    assert channels * joints * persons == 3200
    with torch.device('meta'):
        model = GCNTransformer()
    assert sum(p.numel() for p in model.parameters()) == instance + cluster_only
    assert model.out_channels == 768 and len(model.layers) == 6 and len(model.gcn) == 3
    heads = {a.num_heads for layer in model.layers for a in (layer.self_attention, layer.cross_attention)}
    assert heads == {12}
    assert {block.tcn[2].stride for block in model.gcn} == {(1, 1)}


def test_width_that_the_heads_do_not_divide_is_refused():
    with pytest.raises((ValueError, AssertionError), match='divisible by num_heads'):
        GCNTransformer(width=10, num_heads=3)
