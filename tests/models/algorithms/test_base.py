import copy

import pytest
import torch
import torch.nn.functional as F

from mmskelssl.models import MomentumContrast
from mmskelssl.models.algorithms import Encoder

MODALITIES = ['joint', 'motion', 'bone']


def test_encoder_gives_unit_vectors_of_the_projected_feature(views):
    backbone = dict(type='RawCoordinates', out_channels=960)
    encoder = Encoder(backbone, dict(type='ProjectionNeck'), feat_dim=4)
    first, _, second = encoder.neck
    hidden = (views[0].flatten(1) @ first.weight.T + first.bias).clamp(min=0)
    expected = hidden @ second.weight.T + second.bias
    torch.testing.assert_close(encoder(views[0]), expected / expected.norm(dim=1, keepdim=True))
    assert (first.in_features, first.out_features, second.out_features) == (960, 960, 4)


def test_neck_that_does_not_fit_the_backbone_is_refused(make_model):
    with pytest.raises(ValueError, match='takes 5 channels but the backbone gives 16: leave in_channels'):
        make_model(neck=dict(type='ProjectionNeck', in_channels=5))


@pytest.mark.parametrize('modalities', [[], ['joint', 'joint']])
def test_modalities_are_named_once(make_model, modalities):
    with pytest.raises(ValueError, match='name each modality once'):
        make_model(modalities=modalities)


def test_unknown_modality_is_refused(make_model):
    with pytest.raises(KeyError, match="Unknown modality 'velocity'"):
        make_model(modalities=['velocity'])


def test_key_encoders_start_as_copies_without_gradient(make_model):
    model = make_model(modalities=MODALITIES)
    for query, key in zip(model.encoder_q.parameters(), model.encoder_k.parameters(), strict=True):
        assert torch.equal(query, key) and query.data_ptr() != key.data_ptr()
        assert query.requires_grad and not key.requires_grad
    # Encoders of different modalities are drawn independently.
    weights = [model.encoder_q[name].neck[0].weight for name in MODALITIES]
    assert not torch.equal(weights[0], weights[1]) and not torch.equal(weights[1], weights[2])


def test_init_weights_makes_the_key_encoders_copies(make_model):
    model = make_model(modalities=['joint', 'bone'], init_cfg=dict(type='Constant', layer='Linear', val=0.25, bias=0.5))
    model.init_weights()
    for name in ('joint', 'bone'):
        for encoder in (model.encoder_q[name], model.encoder_k[name]):
            assert (encoder.neck[0].weight == 0.25).all() and (encoder.neck[0].bias == 0.5).all()
    assert all(map(torch.equal, model.encoder_k.state_dict().values(), model.encoder_q.state_dict().values()))


@pytest.mark.parametrize('momentum', [0.0, 0.9, 0.999])
def test_momentum_update_in_closed_form(make_model, momentum):
    model = make_model(modalities=['joint', 'motion'], momentum=momentum)
    for parameter in model.encoder_k.parameters():
        parameter.normal_()
    start = copy.deepcopy(model.encoder_k)
    query = copy.deepcopy(model.encoder_q)
    for _ in range(5):
        model.momentum_update()
    for now, before, target in zip(
        model.encoder_k.parameters(), start.parameters(), model.encoder_q.parameters(), strict=True
    ):
        torch.testing.assert_close(now, target + (before - target) * momentum**5, atol=1e-6, rtol=1e-5)
    assert all(map(torch.equal, query.parameters(), model.encoder_q.parameters()))


def test_momentum_update_leaves_batch_statistics(make_model):
    model = make_model(momentum=0.5)
    for encoder, value in ((model.encoder_q, 1.0), (model.encoder_k, 2.0)):
        encoder['joint'].backbone.input_norm.running_mean.fill_(value)
    model.momentum_update()
    assert (model.encoder_k['joint'].backbone.input_norm.running_mean == 2).all()


def test_modes(make_model, views):
    model = make_model(modalities=MODALITIES).eval()
    features = model(views[0], mode='tensor')
    assert list(features) == MODALITIES
    for name, feature in features.items():
        derived = model.modalities[name](views[0], model.layout)
        assert torch.equal(feature, model.encoder_q[name].backbone(derived))
    # A view in a list is the same as by itself, and `tensor` is the default.
    assert all(torch.equal(feature, features[name]) for name, feature in model([views[0]]).items())

    samples = dict(labels=torch.arange(6), index=torch.arange(6))
    (prediction,) = model([views[0]], samples, mode='predict')
    assert list(prediction) == ['labels', 'index', 'features']
    assert prediction['labels'] is samples['labels']
    assert all(torch.equal(feature, features[name]) for name, feature in prediction['features'].items())

    with pytest.raises(ValueError, match="Unknown mode 'los'"):
        model(views, mode='los')


def test_encode_is_embedding_of_each_modality(make_model, views):
    model = make_model(modalities=MODALITIES).eval()
    for encoders in (model.encoder_q, model.encoder_k):
        for name, embedding in model.encode(encoders, views[0]).items():
            derived = model.modalities[name](views[0], model.layout)
            expected = F.normalize(encoders[name].neck(encoders[name].backbone(derived)), dim=1)
            torch.testing.assert_close(embedding, expected)


@pytest.mark.parametrize('mode', ['loss', 'tensor'])
def test_views_of_another_layout_are_refused(make_model, mode):
    views = [torch.zeros(2, 1, 16, 25, 3)] * 2
    with pytest.raises(ValueError, match=r"\(2, 1, 16, 25, 3\) does not fit layout 'kinect20' with 20 joints"):
        make_model()(views, mode=mode)


def test_base_has_no_loss(views):
    model = MomentumContrast(
        backbone=dict(type='BiGRU', num_joints=20, num_persons=1, hidden_channels=8),
        neck=dict(type='ProjectionNeck'),
        layout='kinect20',
        queue_size=8,
    )
    with pytest.raises(NotImplementedError):
        model(views, mode='loss')


def test_own_layout_in_the_config(make_model):
    layout = dict(name='chain', joints='abc', parents=(1, 1, 1), center=1, pairs=(), spine=(0, 1), shoulders=(0, 2))
    backbone = dict(type='BiGRU', num_joints=3, num_persons=1, hidden_channels=8)
    model = make_model(layout=layout, backbone=backbone, modalities=['bone'])
    view = torch.randn(2, 1, 4, 3, 3)
    assert torch.equal(model.split_modalities(view)['bone'], view - view[..., [1, 1, 1], :])
