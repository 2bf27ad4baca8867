import pytest
import torch

from mmskelssl.models import FrameDecoder
from mmskelssl.utils.errors import ConfigError


def test_frames_are_decoded_from_themselves_and_those_before():
    decoder = FrameDecoder(6, 9, width=4).eval()
    frames = torch.randn(3, 5, 6, requires_grad=True)
    decoded = decoder(frames)
    assert decoded.shape == (3, 5, 9)
    (gradient,) = torch.autograd.grad(decoded[1, 2].sum(), frames)
    assert gradient.abs().sum(2).gt(0).tolist() == [[False] * 5, [True] * 3 + [False] * 2, [False] * 5]


def test_parts_are_those_of_the_official_program():
    shapes = {name: tuple(parameter.shape) for name, parameter in FrameDecoder(6, 9, width=4).named_parameters()}
    mlp = {f'embedding.{i}.bias': (4,) for i in (0, 1, 3)}
    mlp |= {'embedding.0.weight': (4, 6), 'embedding.1.weight': (4,), 'embedding.3.weight': (4, 4)}
    gru = {f'gru.{kind}_{of}h_l{i}': shape for i in (0, 1) for of in 'ih' for kind, shape in _GATES.items()}
    assert shapes == mlp | gru | {'predict.weight': (9, 4), 'predict.bias': (9,)}


_GATES = dict(weight=(12, 4), bias=(12,))


def test_no_layers_are_refused():
    with pytest.raises(ConfigError, match='FrameDecoder: num_layers=0 is too small'):
        FrameDecoder(6, 9, num_layers=0)
