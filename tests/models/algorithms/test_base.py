import pytest
import torch

from mmskelssl.models import SelfSupervised
from mmskelssl.utils.errors import ConfigError

MODALITIES = ['joint', 'motion', 'bone']
CHAIN = dict(name='chain', joints='abc', parents=(1, 1, 1), center=1, pairs=(), spine=(0, 1), shoulders=(0, 2))


@pytest.mark.parametrize('modalities', [['joint', 'joint'], MODALITIES + ['bone']])
def test_modalities_are_named_once(make_model, modalities):
    with pytest.raises(ConfigError, match='name each modality once'):
        make_model(modalities=modalities)


def test_a_model_without_streams_is_refused(make_model):
    with pytest.raises(ConfigError, match='no streams: name at least one in model.modalities'):
        make_model(modalities=[])


def test_unknown_modality_is_refused(make_model):
    with pytest.raises(ConfigError, match="Unknown modality 'velocity'"):
        make_model(modalities=['velocity'])


def test_streams_without_a_backbone_are_named(make_model):
    streams = dict(a=dict(modality='joint'), b=dict(modality='bone', backbone=dict(type='BiGRU', hidden_channels=4)))
    with pytest.raises(ConfigError, match=r"Streams \['a'\] have no backbone: set model.backbone"):
        make_model(backbone=None, streams=streams)


@pytest.mark.parametrize('said', [dict(layout='kinect20'), dict(num_persons=1), dict(layout='ntu25', num_persons=2)])
def test_a_backbone_that_says_what_the_model_says_is_refused(make_model, said):
    names = ', '.join(sorted(said))
    with pytest.raises(ConfigError, match=f'model.backbone says {names}: say it once, as model.{sorted(said)[0]}'):
        make_model(backbone=dict(type='BiGRU', hidden_channels=8, **said))


@pytest.mark.parametrize('number', [0, -1])
def test_views_show_at_least_one_person(make_model, number):
    with pytest.raises(ConfigError, match=f'num_persons={number}: views show at least one person'):
        make_model(num_persons=number)


def test_layout_and_persons_reach_backbones_and_views(make_model):
    backbones = [dict(type='BiGRU', hidden_channels=8), dict(type='AGCN', base_channels=4)]
    streams = {b['type']: dict(modality='joint', backbone=b) for b in backbones}
    model = make_model(backbone=None, streams=streams, num_persons=3, layout='coco17')
    for encoder in model.encoder.values():
        assert encoder.backbone.input_norm.num_features == 3 * 17 * 3
    assert model.encoder['AGCN'].backbone.layout.name == model.layout.name == 'coco17'


def test_modes(make_model, views):
    model = make_model(modalities=MODALITIES).eval()
    features = model(views[0], mode='tensor')
    assert list(features) == list(model.streams) == MODALITIES
    for name, feature in features.items():
        assert torch.equal(feature, model.encoder[name].backbone(model.split(views[0])[name]))
    # A view in a list is the same as by itself, and `tensor` is the default.
    assert all(torch.equal(feature, features[name]) for name, feature in model([views[0]]).items())

    samples = dict(labels=torch.arange(6), index=torch.arange(6))
    (prediction,) = model([views[0]], samples, mode='predict')
    assert list(prediction) == ['labels', 'index', 'features']
    assert prediction['labels'] is samples['labels']
    assert all(torch.equal(feature, features[name]) for name, feature in prediction['features'].items())

    with pytest.raises(ValueError, match="Unknown mode 'los'"):
        model(views, mode='los')


@pytest.mark.parametrize('mode', ['loss', 'tensor'])
def test_views_of_another_layout_are_refused(make_model, mode):
    views = [torch.zeros(2, 1, 16, 25, 3)] * 2
    with pytest.raises(ConfigError, match=r"\(2, 1, 16, 25, 3\) does not fit layout 'kinect20' with 20 joints"):
        make_model()(views, mode=mode)


def test_base_has_no_loss(views):
    model = SelfSupervised(dict(type='BiGRU', hidden_channels=8), layout='kinect20', num_persons=1)
    with pytest.raises(NotImplementedError):
        model(views, mode='loss')


def test_custom_layout_in_the_config(make_model):
    model = make_model(layout=CHAIN, modalities=['bone'])
    view = torch.randn(2, 1, 4, 3, 3)
    assert torch.equal(model.split(view)['bone'], view - view[..., [1, 1, 1], :])
    assert model(view)['bone'].shape == (2, 16)


def test_two_encoders_on_one_modality(make_model, views):
    """Streams have names of their own, and encoders of their own on the same input."""
    gru = dict(type='BiGRU', hidden_channels=8)
    graph = dict(type='STGCN', base_channels=2, out_channels=12)
    streams = dict(seq=dict(modality='bone'), graph=dict(modality='bone', backbone=graph, neck=None))
    model = make_model(backbone=gru, streams=streams).eval()
    assert model.streams == ('seq', 'graph') and model.modality == dict(seq='bone', graph='bone')
    inputs = model.split(views[0])
    assert inputs['seq'] is inputs['graph']
    assert {name: tuple(z.shape) for name, z in model(views[0]).items()} == dict(seq=(6, 16), graph=(6, 12))
    assert model.widths == dict(seq=4, graph=12)  # without a neck, the feature is the embedding
    losses = model(views, mode='loss')
    assert list(losses) == ['loss_seq', 'loss_graph'] and all(loss.isfinite() for loss in losses.values())
    losses['loss_graph'].backward()
    assert all(p.grad is None for p in model.encoder['seq'].parameters())


@pytest.mark.parametrize('kind', ['SkeletonCLR', 'BarlowTwins', 'VICReg'])
def test_every_neck_embeds_an_entity(make_model, views, kind):
    neck = dict(instance=dict(type='ProjectionNeck'), wide=dict(type='ProjectionNeck', out_channels=7))
    model = make_model(kind, neck=neck, modalities=['joint', 'bone'])
    widths = dict(joint_instance=4, joint_wide=7, bone_instance=4, bone_wide=7)
    assert model.widths == widths
    losses = model(views, mode='loss')
    for name, width in widths.items():
        assert any(key.startswith(f'loss_{name}') for key in losses)
        assert model.embeddings[name].shape == (6, width)
    assert list(model(views[0])) == ['joint', 'bone']  # features are those of the backbones


@pytest.mark.parametrize(
    'losses, message',
    [
        (torch.zeros(()), 'returned a Tensor'),
        (None, 'returned a NoneType'),
        (dict(loss_joint=1.5), 'loss_joint=1.5, not a tensor'),
        (dict(joint=torch.zeros(())), r"\['joint'\], none with 'loss'"),
    ],
)
def test_what_a_loss_returns_is_checked_by_name(make_model, views, losses, message):
    model = make_model()
    model.loss = lambda inputs, data_samples: losses
    with pytest.raises(TypeError, match=f'SkeletonCLR.loss returned .*{message.removeprefix("returned ")}'):
        model(views, mode='loss')
