"""AMR: its decoder and its loss, written out."""

import pytest
import torch
from workshop import takes_views

from mmskelssl.models import QueryDecoder
from mmskelssl.models.targets import motion, motion_weights, normalize_segments
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError

BACKBONE = dict(type='SkeletonTransformer', num_frames=16, width=8, num_layers=1, num_heads=2)
DECODER = dict(type='QueryDecoder', segments_per_query=2, width=4, num_layers=2, num_heads=2)


def make(**options):
    config = dict(
        type='AMR', backbone=BACKBONE, decoder=DECODER, layout='kinect20', num_persons=2, windows=(4, 8), softness=0.3
    )
    return takes_views(MODELS.build(config | options))


@pytest.fixture
def view():
    return torch.randn(3, 2, 16, 20, 3)


def test_queries_look_at_visible_tokens_alone():
    """A layer is cross-attention, then a feed-forward layer, for each query by itself."""
    decoder = QueryDecoder(8, 4, 20, 12, segments_per_query=2, width=4, num_layers=2, num_heads=2)
    for parameter in decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    visible = torch.randn(3, 7, 8)
    got = decoder(visible, torch.zeros(3, 7, dtype=torch.long))
    assert got.shape == (3, 2 * 20, 2 * 12)
    for person in range(3):
        memory = decoder.embedding(visible[person])
        for s, v in ((0, 0), (1, 13)):
            x = decoder.query[0] + decoder.time_positions[s] + decoder.joint_positions[v]
            for block in decoder.blocks:
                q, k, v_ = block.attention.qkv.weight.split(4)
                bq, bk, bv = block.attention.qkv.bias.split(4)
                query, keys, values = q @ block.norm1(x) + bq, memory @ k.T + bk, memory @ v_.T + bv
                heads = []
                for h in (slice(0, 2), slice(2, 4)):
                    heads.append((keys[:, h] @ query[h] / 2**0.5).softmax(0) @ values[:, h])
                x = x + block.attention.proj(torch.cat(heads))
                x = x + block.ffn(block.norm2(x))
            expected = decoder.predict(decoder.norm(x))
            torch.testing.assert_close(got[person, s * 20 + v], expected, atol=1e-5, rtol=1e-4)
    shuffled = decoder(visible[:, torch.randperm(7)], torch.zeros(3, 7, dtype=torch.long))
    torch.testing.assert_close(shuffled, got, atol=1e-5, rtol=1e-4)


def test_loss_written_out(view):
    """w · (prediction - target)², mean over all queries; targets are normalized over the frames of a query."""
    model = make()
    uniform = torch.rand(3, 2, 80)
    loss = model.loss([view], uniform=uniform)['loss_joint']
    backbone, persons = model.backbone('joint'), view.flatten(0, 1)
    kept = uniform.flatten(0, 1).argsort(1)[:, :7]
    tokens = backbone.embed(persons)[torch.arange(6)[:, None], kept]
    predicted = model.decoder['joint'](backbone.encode(tokens, kept), kept)
    moved = motion(persons)
    weight = motion_weights(persons, windows=(4, 8), softness=0.3)
    total = 0
    for person in range(6):
        for s in range(2):
            for v in range(20):
                frames = slice(8 * s, 8 * s + 8)
                target = normalize_segments(moved[person, frames, v].flatten())
                w = weight[person, frames, v].expand(8, 3).flatten()
                total = total + (w * (predicted[person, 20 * s + v] - target) ** 2).mean()
    torch.testing.assert_close(loss, total / (6 * 2 * 20), atol=1e-5, rtol=1e-5)


def test_without_softness_all_frames_weigh_alike(view):
    model, uniform = make(softness=0), torch.rand(3, 2, 80)
    plain = takes_views(
        MODELS.build(
            dict(type='MAMP', backbone=BACKBONE, decoder=DECODER, layout='kinect20', num_persons=2, mask_temperature=0)
        )
    )
    plain.load_state_dict(model.state_dict())
    torch.testing.assert_close(model.loss([view], uniform=uniform), plain.loss([view], uniform=uniform))


def test_checkpointed_layers_give_the_same(view):
    plain, saving = make(), make(decoder=dict(DECODER, with_cp=True))
    saving.load_state_dict(plain.state_dict())
    uniform = torch.rand(3, 2, 80)
    for model in (plain, saving):
        model.loss([view], uniform=uniform)['loss_joint'].backward()
    for a, b in zip(plain.parameters(), saving.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)


@pytest.mark.parametrize('windows', [(), (5,), (4, 32), (0,)])
def test_windows_that_do_not_divide_the_frames_are_refused(windows):
    with pytest.raises(ConfigError, match='model.windows=.* that divide the 16 frames of a view'):
        make(windows=windows)


def test_queries_that_do_not_divide_the_segments_are_refused():
    with pytest.raises(ConfigError, match='segments_per_query=3 does not divide the 4 segments'):
        make(decoder=dict(DECODER, segments_per_query=3))
