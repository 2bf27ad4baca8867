"""The Transformer over joints and segments, written out person by person and token by token."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmskelssl.datasets.layouts import LAYOUTS
from mmskelssl.models import SkeletonClassifier, SkeletonTransformer
from mmskelssl.models.pretrained import pretrained_backbone
from mmskelssl.utils.errors import CheckpointError, ConfigError

SMALL = dict(layout='kinect20', num_frames=12, width=8, num_layers=2, num_heads=2)


def make(**options) -> SkeletonTransformer:
    """In eval mode, with every parameter random."""
    model = SkeletonTransformer(**SMALL | options).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    return model


@pytest.fixture
def view():
    """(3, 2, 12, 20, 3), where the first clip has one person and the last one none."""
    x = torch.randn(3, 2, 12, 20, 3)
    x[0, 1] = 0
    x[2] = 0
    return x


def attention(block, x, turn):
    """Explicit softmax, head by head, of tokens (L, C)."""
    q, k, v = F.linear(x, block.attention.qkv.weight, block.attention.qkv.bias).chunk(3, 1)
    out, width = [], x.shape[1] // block.attention.num_heads
    for i in range(block.attention.num_heads):
        of_head = slice(i * width, (i + 1) * width)
        a, b = turn(q[:, of_head]), turn(k[:, of_head])
        out.append((a @ b.T / width**0.5).softmax(1) @ v[:, of_head])
    return F.linear(torch.cat(out, 1), block.attention.proj.weight, block.attention.proj.bias)


def written_out(model, person, turn=lambda x: x):
    """Tokens (L, C) of a person (T, V, C)."""
    tokens = []
    for s in range(len(person) // 4):
        for v in range(person.shape[1]):
            token = model.embedding(torch.cat([person[4 * s + t, v] for t in range(4)])) + model.joint_positions[v]
            tokens.append(token if model.time_positions is None else token + model.time_positions[s])
    x = torch.stack(tokens)
    for block in model.blocks:
        x = x + block.scale1(attention(block, block.norm1(x), turn))
        x = x + block.scale2(block.ffn(block.norm2(x)))
    return model.norm(x)


@pytest.mark.parametrize('options', [{}, dict(layer_scale=1e-4, norm_eps=1e-2)])
def test_feature_written_out(view, options):
    model = make(**options)
    tokens = torch.stack([torch.stack([written_out(model, person) for person in clip]) for clip in view])
    torch.testing.assert_close(model(view), tokens.mean((1, 2)), atol=1e-5, rtol=1e-4)
    joints = make(pool='joints', **options)
    joints.load_state_dict(model.state_dict())
    by_joint = tokens.unflatten(2, (3, 20)).mean((1, 2)).flatten(1)
    assert joints.out_channels == 20 * 8
    torch.testing.assert_close(joints(view), by_joint, atol=1e-5, rtol=1e-4)


def test_rotary_time_written_out(view):
    """Channel i and i + 2 of a head of 4 are turned by segment / 10000^(i / 2)."""
    model = make(time_encoding='rotary')

    def turn(x):
        out = x.clone()
        for token in range(len(x)):
            for i in range(2):
                angle = torch.tensor((token // 20) / 10000 ** (i / 2))
                a, b = x[token, i], x[token, i + 2]
                out[token, i] = a * angle.cos() - b * angle.sin()
                out[token, i + 2] = b * angle.cos() + a * angle.sin()
        return out

    persons, _ = model.persons(view)
    torch.testing.assert_close(
        model.encode(model.embed(persons))[0], written_out(model, view[0, 0], turn), atol=1e-5, rtol=1e-4
    )
    assert model(torch.randn(2, 1, 32, 20, 3)).shape == (2, 8)  # any number of segments


@pytest.mark.parametrize('time_encoding', ['learned', 'rotary'])
def test_steps_on_chosen_tokens(view, time_encoding):
    """All tokens, in any order, are what `forward` encodes; a chosen token knows its own place."""
    model = make(time_encoding=time_encoding)
    persons, present = model.persons(view)
    tokens = model.embed(persons)
    every = model.encode(tokens)
    order = torch.stack([torch.randperm(60) for _ in persons])
    rows = torch.arange(len(persons))[:, None]
    torch.testing.assert_close(model.encode(tokens[rows, order], order), every[rows, order], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(model.pool(every, present), model(view))
    *_, last = model.layers(tokens)
    assert torch.equal(model.norm(last), every) and len([*model.layers(tokens)]) == 2


@pytest.mark.parametrize('pool', ['clip', 'joints'])
def test_absent_persons_are_skipped(view, pool):
    both, present = make(pool=pool), make(pool=pool, absent_persons='skip')
    present.load_state_dict(both.state_dict())
    feature = present(view)
    torch.testing.assert_close(feature[0], both(view[:1, :1])[0])
    torch.testing.assert_close(feature[1], both(view[1:2])[0])
    torch.testing.assert_close(feature[2], both(view[2:])[0])  # a clip without anyone is a skeleton of zeros
    assert len(present.persons(view)[0]) == 4 and len(both.persons(view)[0]) == 6
    assert not torch.allclose(both(view)[0], feature[0], atol=1e-3)


def test_persons_do_not_meet(view):
    """A second person adds half of his own feature; who comes first does not matter."""
    model = make()
    alone = [model(view[1:2, [m]]) for m in range(2)]
    torch.testing.assert_close(model(view[1:2]), (alone[0] + alone[1]) / 2)
    torch.testing.assert_close(model(view[1:2].flip(1)), model(view[1:2]))


def test_drop_path_grows_and_drops_persons():
    model = SkeletonTransformer(**SMALL | dict(num_layers=4, drop_path=0.3)).train()
    rates = [getattr(block.drop_path, 'drop_prob', 0) for block in model.blocks]
    assert rates == pytest.approx([0, 0.1, 0.2, 0.3])
    block = model.blocks[3]
    tokens = torch.randn(400, 3, 8)
    skipped = (block(tokens) == tokens).flatten(1).all(1).float().mean()  # both of its branches
    assert 0.03 < skipped < 0.2
    block.eval()
    assert not (block(tokens) == tokens).flatten(1).all(1).any()


def test_dropout_of_tokens_is_before_the_mean(view):
    model = make(token_dropout=0.5)
    torch.testing.assert_close(model(view), make_like(model)(view))
    persons, present = model.persons(view)
    pooled = model.train().pool(torch.ones(len(persons), 60, 8), present)
    assert 0.5 < pooled.min() < 1 < pooled.max() < 1.5  # halves of 120 tokens, doubled: near 1, and not 0 or 2


def make_like(model):
    twin = make()
    twin.load_state_dict(model.state_dict())
    return twin


def test_layers_of_parameters():
    model = make()
    layers = {name: model.layer_of(name) for name, _ in model.named_parameters()}
    assert {layers[name] for name in ('embedding.weight', 'time_positions', 'joint_positions')} == {0}
    assert layers['blocks.0.norm1.bias'] == 1 and layers['blocks.1.ffn.2.weight'] == 2
    assert layers['norm.weight'] == 3 == model.num_layers and set(layers.values()) == {0, 1, 2, 3}


@pytest.mark.parametrize('layout', LAYOUTS)
def test_start_and_size(layout):
    model = SkeletonTransformer(layout, num_frames=16, width=16, num_layers=2, num_heads=4, ffn_channels=24)
    joints = len(model.joint_positions)
    block = 4 * 16 * 16 + 4 * 16 + 2 * 16 * 24 + 24 + 16 + 4 * 16
    assert sum(p.numel() for p in model.parameters()) == 12 * 16 + 16 + (joints + 4) * 16 + 2 * block + 2 * 16
    for block in model.blocks:
        for layer in (block.attention.qkv, block.attention.proj, block.ffn[0], block.ffn[2]):
            bound = (6 / sum(layer.weight.shape)) ** 0.5
            assert 0.9 * bound < layer.weight.abs().max() <= bound and not layer.bias.any()
    assert model.joint_positions.std().item() == pytest.approx(0.02, rel=0.2)


def test_size_of_the_paper():
    with torch.device('meta'):
        model = SkeletonTransformer()
    width, blocks = 256, 8
    block = 12 * width * width + 13 * width
    assert sum(p.numel() for p in model.parameters()) == 13 * width + (30 + 25) * width + blocks * block + 2 * width
    assert model.out_channels == 256 and (model.num_segments, model.num_joints) == (30, 25)


def test_nothing_of_tokens_squared_is_kept():
    model = make(num_frames=64).train()
    kept = []
    x = torch.randn(1, 1, 64, 20, 3)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        model(x)
    tokens = 16 * 20
    assert max(kept) < tokens * tokens


def checkpoint(path, model):
    torch.save(dict(state_dict={f'encoder.joint.backbone.{k}': v for k, v in model.state_dict().items()}), path)
    return str(path)


def test_positions_in_time_are_resized_on_loading(tmp_path):
    path = checkpoint(tmp_path / 'short.pth', short := make())
    long = make(num_frames=24)
    weights = pretrained_backbone(path, 'joint', long)
    long.load_state_dict(weights)
    table = short.time_positions.detach()
    expected = F.interpolate(table.T[None, :, :, None], size=(6, 1), mode='bicubic', align_corners=False)
    torch.testing.assert_close(long.time_positions, expected[0, :, :, 0].T)
    assert torch.equal(long.joint_positions, short.joint_positions)
    same = pretrained_backbone(path, 'joint', make())
    assert torch.equal(same['time_positions'], table)


def test_another_skeleton_and_another_encoding_are_refused(tmp_path):
    path = checkpoint(tmp_path / 'kinect.pth', make())
    with pytest.raises(CheckpointError, match=r'its joint_positions has shape \(20, 8\) instead of \(25, 8\)'):
        pretrained_backbone(path, 'joint', make(layout='ntu25'))
    with pytest.raises(CheckpointError, match='it has an extra time_positions'):
        pretrained_backbone(path, 'joint', make(time_encoding='rotary'))


def test_it_learns_in_a_classifier(view):
    config = dict(type='SkeletonTransformer', absent_persons='skip', drop_path=0.1, **SMALL)
    del config['layout']
    model = SkeletonClassifier(config, dict(type='LinearHead', num_classes=3), layout='kinect20').train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    first = None
    for _ in range(15):
        loss = model([view], dict(labels=torch.arange(3)), mode='loss')['loss']
        first = first or loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.5 * first
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(num_frames=13), '13 frames are not divisible into segments of 4'),
        (dict(width=9), 'width=9 is not divisible by num_heads=2'),
        (dict(time_encoding='sine'), r"time_encoding='sine' is not one of \('learned', 'rotary'\)"),
        (dict(pool='last'), "pool='last' is not one of"),
        (dict(absent_persons='drop'), "absent_persons='drop' is not one of"),
        (dict(drop_path=1.0), r'drop_path=1.0 is not within \[0, 1\)'),
        (dict(width=6, time_encoding='rotary'), 'a head has 3: change width or num_heads'),
        (dict(num_layers=0), 'num_layers=0 is too small'),
    ],
)
def test_settings_that_cannot_be_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        SkeletonTransformer(**SMALL | options)


def test_views_of_another_length_are_refused():
    with pytest.raises(ConfigError, match='A view has 16 frames, but model.backbone.num_frames=12: set it'):
        make()(torch.zeros(2, 1, 16, 20, 3))
    with pytest.raises(ConfigError, match='10 frames are not divisible into segments of 4'):
        make(time_encoding='rotary')(torch.zeros(2, 1, 10, 20, 3))
