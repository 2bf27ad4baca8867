import pytest
import torch
from torch import nn

from mmskelssl.datasets.layouts import KINECT20
from mmskelssl.models import Encoder, build_backbone
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError


class Pooling(nn.Module):
    """Its feature is the mean over frames; it also gives that over joints, and of the first person alone."""

    out_channels = 20 * 3
    poolings = dict(over_joints=4 * 3, first=20 * 3)

    def forward(self, x):
        return self.pooled(x)[None]

    def pooled(self, x):
        return {
            None: x.mean((1, 2)).flatten(1),
            'over_joints': x.mean((1, 3)).flatten(1),
            'first': x[:, 0].mean(1).flatten(1),
        }


@pytest.fixture
def view():
    return torch.randn(6, 2, 4, 20, 3)


def by_hand(neck, feature):
    first, _, second = neck
    return (feature @ first.weight.T + first.bias).clamp(min=0) @ second.weight.T + second.bias


def test_embedding_is_the_projected_feature(view):
    backbone = build_backbone(dict(type='RawCoordinates', num_frames=4), KINECT20, 2)
    encoder = Encoder(backbone, dict(type='ProjectionNeck'), feat_dim=4)
    assert encoder.neck[0].in_features == encoder.neck[0].out_features == 480
    assert encoder.widths == {'': 4}
    torch.testing.assert_close(encoder(view), {'': by_hand(encoder.neck, view.flatten(1))})


def test_without_a_neck_the_feature_is_the_embedding(view):
    encoder = Encoder(Pooling(), None, feat_dim=4)
    assert encoder.widths == {'': 60} and torch.equal(encoder(view)[''], view.mean((1, 2)).flatten(1))


def test_a_neck_says_its_own_width(view):
    encoder = Encoder(Pooling(), dict(type='ProjectionNeck', out_channels=9), feat_dim=4)
    assert encoder.widths == {'': 9} and encoder(view)[''].shape == (6, 9)


def test_necks_on_poolings(view):
    neck = dict(type='ProjectionNeck')
    encoder = Encoder(
        Pooling(), dict(clip=neck, joints=dict(neck, pooling='over_joints'), first=dict(neck, pooling='first')), 4
    )
    features = encoder.backbone.pooled(view)
    expected = dict(clip=features[None], joints=features['over_joints'], first=features['first'])
    got = encoder(view)
    assert list(got) == list(expected) and encoder.widths == dict.fromkeys(expected, 4)
    for name, feature in expected.items():
        torch.testing.assert_close(got[name], by_hand(encoder.neck[name], feature))


def test_unknown_pooling_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match=r"neck.pooling='max' is not one of \[None, 'over_joints', 'first'\] of Pool"):
        Encoder(Pooling(), dict(type='ProjectionNeck', pooling='max'), 4)


def test_neck_that_does_not_fit_the_backbone_is_refused():
    with pytest.raises(ConfigError, match='takes 5 channels but the backbone gives 60: leave in_channels'):
        Encoder(Pooling(), dict(type='ProjectionNeck', in_channels=5), 4)


@pytest.mark.parametrize('said', ['layout', 'num_persons'])
def test_layout_and_persons_are_said_once(said):
    with pytest.raises(ConfigError, match=f'model.backbone says {said}: say it once, as model.{said}'):
        build_backbone({'type': 'AGCN', said: 1}, KINECT20, 2)


def test_a_backbone_is_handed_what_it_has_an_argument_for():
    """ST-GCN takes any number of persons."""
    graph = build_backbone(dict(type='STGCN', base_channels=2, out_channels=4), KINECT20, 5)
    assert graph.layout == KINECT20
    gru = build_backbone(dict(type='BiGRU', hidden_channels=2), KINECT20, 5)
    assert gru.input_norm.num_features == 5 * 20 * 3


@pytest.mark.parametrize('layers', [1, 2, 3])
@pytest.mark.parametrize('batch_norm', [False, True])
def test_projection_neck(layers, batch_norm):
    config = dict(type='ProjectionNeck', num_layers=layers, hidden_channels=7, batch_norm=batch_norm)
    neck = MODELS.build(dict(config, in_channels=5, out_channels=3))
    between = ['Linear', 'BatchNorm1d', 'ReLU'] if batch_norm else ['Linear', 'ReLU']
    assert [type(layer).__name__ for layer in neck] == between * (layers - 1) + ['Linear']
    linear = [layer for layer in neck if isinstance(layer, nn.Linear)]
    assert [layer.out_features for layer in linear] == [7] * (layers - 1) + [3]
    assert all((layer.bias is None) == batch_norm for layer in linear)
    assert neck(torch.randn(4, 5)).shape == (4, 3)


@pytest.mark.parametrize(('modality', 'channels'), [('joint', 3), ('fused', 9)])
def test_a_backbone_takes_the_channels_of_its_modality(modality, channels):
    for kind in (dict(type='BiGRU', hidden_channels=4), dict(type='TCN', channels=(4,))):
        backbone = build_backbone(kind, KINECT20, 1, modality).eval()
        assert backbone(torch.randn(2, 1, 8, 20, channels)).shape == (2, 8)
        own = build_backbone(dict(kind, in_channels=5), KINECT20, 1, modality).eval()
        assert own(torch.randn(2, 1, 8, 20, 5)).shape == (2, 8)
