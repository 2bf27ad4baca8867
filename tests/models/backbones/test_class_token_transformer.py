import pytest
import torch

from mmskelssl.models.backbones import ClassTokenTransformer
from mmskelssl.models.transformer import SwiGLU
from mmskelssl.utils.errors import ConfigError


def make(**options):
    sizes = dict(layout='kinect20', num_frames=16, segment_length=4, width=16, num_layers=2, num_heads=2)
    return ClassTokenTransformer(**(sizes | options)).eval()


def test_what_is_hidden_is_not_seen():
    model, persons, hidden = make(), torch.randn(3, 16, 20, 3), torch.rand(3, 80) < 0.5
    other = torch.where(hidden.view(3, 4, 20).repeat_interleave(4, 1)[..., None], torch.randn_like(persons), persons)
    assert torch.equal(model.embed(persons, hidden), model.embed(other, hidden))
    assert not torch.equal(model.embed(persons), model.embed(other))
    everything = model.embed(persons, torch.ones(3, 80, dtype=torch.bool))
    torch.testing.assert_close(everything[0], everything[1])


def test_views_of_all_lengths_share_the_encoder_and_order_in_time_counts():
    model = make()
    for frames in (4, 8, 16, 40):
        assert model.encode(model.embed(torch.randn(2, frames, 20, 3))).shape == (2, 1 + frames // 4 * 20, 16)
    x = torch.randn(2, 1, 16, 20, 3)
    swapped = x.unflatten(2, (4, 4))[:, :, [1, 0, 2, 3]].flatten(2, 3)
    assert (model(x) - model(swapped)).abs().max() > 1e-4


def test_features_are_the_class_token_or_means_of_the_others():
    clip = make()
    x = torch.randn(3, 2, 16, 20, 3)
    tokens = clip.encode(clip.embed(x.flatten(0, 1)))
    torch.testing.assert_close(clip(x), tokens[:, 1:].mean(1).view(3, 2, 16).mean(1))
    of_class = make(pool='class')
    of_class.load_state_dict(clip.state_dict())
    torch.testing.assert_close(of_class(x), tokens[:, 0].view(3, 2, 16).mean(1))
    with pytest.raises(ConfigError, match="pool='token' is not one of"):
        make(pool='token')


def test_registers_take_part_and_are_thrown_away():
    model = make(num_registers=3)
    persons = torch.randn(2, 16, 20, 3)
    before = model.encode(model.embed(persons))
    model.registers.data += 1
    after = model.encode(model.embed(persons))
    assert before.shape == after.shape == (2, 81, 16) and not torch.allclose(before, after)


def test_gated_layers_are_as_wide_as_in_dinov2():
    layer = ClassTokenTransformer(width=256, num_layers=1).blocks[0].ffn
    assert isinstance(layer, SwiGLU) and layer.inner.out_features == 2 * 688
    x = torch.randn(5, 256)
    gate, value = layer.inner(x).chunk(2, 1)
    torch.testing.assert_close(layer(x), layer.outer(gate * gate.sigmoid() * value))
