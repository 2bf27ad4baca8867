import pytest
import torch
import torch.nn.functional as F
from golden import DATA, assert_losses, to_view

from mmskelssl.cli.official_weights import build_converted, convert_official
from mmskelssl.models.losses import covariance, variance
from mmskelssl.utils.errors import ConfigError

MODALITIES = ('joint', 'bone', 'motion')
PROJECTOR = dict(type='ProjectionNeck', num_layers=3, batch_norm=True)
NECK = dict.fromkeys(MODALITIES, PROJECTOR)


@pytest.fixture
def make(make_model):
    unified = dict(type='UnifiedSTTR', num_frames=16, width=8, num_heads=2)
    options = dict(streams=dict(fused=dict(modality='joint')), backbone=unified, neck=NECK)
    return lambda **changes: make_model('UmURL', **options | changes)


@pytest.fixture
def views():
    return list(torch.randn(4, 6, 1, 16, 20, 3))


def test_slice_of_the_official_program():
    """The official losses of the official embeddings, and the official features of one view."""
    golden = torch.load(DATA / 'golden_umurl.pt', torch.get_default_device(), weights_only=True)
    weights, config, _ = convert_official('umurl', golden['official_state_dict'])
    config['backbone']['num_heads'] = golden['config']['heads']
    model = build_converted(weights, config, 'slice').eval()
    single, fused = ([golden['embeddings'][f'{kind}{m}'] for m in MODALITIES] for kind in ('', 'fused_'))
    weight = dict(loss_intra=5, loss_inter=5, loss_regularization=1)
    assert_losses(model.compare(single, fused), {name: w * golden['losses'][name] for name, w in weight.items()})
    expected = dict(fused=golden['features_eval'], **golden['features_eval_single'])
    torch.testing.assert_close(model(to_view(golden['view'])), expected, atol=1e-5, rtol=1e-5)


def test_losses_written_out(make, views):
    model = make(invariance_weight=3, variance_weight=2)
    losses = model(views, mode='loss')
    encoder = model.encoder['fused']
    single = [encoder.neck[m](encoder.backbone.single(view, m)) for m, view in zip(MODALITIES, views[:3], strict=True)]
    fused = [encoder.neck[m](encoder.backbone(views[3])) for m in MODALITIES]
    mean = sum(single) / 3
    expected = dict(
        loss_intra=3 * sum(F.mse_loss(a, b) for a, b in zip(single, fused, strict=True)),
        loss_inter=3 * sum(F.mse_loss(z, mean) for z in single),
        loss_regularization=sum(2 * variance(z) + covariance(z) for z in single + fused),
    )
    torch.testing.assert_close(losses, expected)
    assert list(model.embeddings) == [*MODALITIES, *model.widths]
    assert all(map(torch.equal, model.embeddings.values(), single + fused))


def test_the_order_of_necks_does_not_matter(make, views):
    model, other = make(), make(neck=dict(sorted(NECK.items())))
    other.load_state_dict(model.state_dict())
    ours, theirs = (m(views, mode='loss') for m in (model, other))
    torch.testing.assert_close(ours, theirs)


def test_features_are_the_fused_one_and_each_modality_s(make, views):
    model = make().eval()
    features = model(views[0])
    assert list(features) == ['fused', *MODALITIES] and list(model.streams) == ['fused']
    assert len({tuple(z.flatten().tolist()) for z in features.values()}) == 4
    backbone = model.encoder['fused'].backbone
    assert torch.equal(features['fused'], backbone(views[0]))


def test_two_modalities_take_three_views(make, views):
    model = make(
        backbone=dict(type='UnifiedSTTR', modalities=['motion', 'joint'], num_frames=16, width=8),
        neck=dict(motion=PROJECTOR, joint=PROJECTOR),
    )
    assert set(model(views[:3], mode='loss')) == {'loss_intra', 'loss_inter', 'loss_regularization'}
    with pytest.raises(ConfigError, match='UmURL learns from 3 views, but got 4'):
        model(views, mode='loss')


@pytest.mark.parametrize(
    ('options', 'says'),
    [
        (dict(streams=None, modalities=['joint', 'bone']), "model.streams has {'joint': 'joint', 'bone': 'bone'}"),
        (dict(streams=dict(fused=dict(modality='bone'))), "model.streams has {'fused': 'bone'}"),
        (dict(backbone=dict(type='BiGRU', hidden_channels=4)), 'BiGRU does not: take UnifiedSTTR'),
        (dict(neck=PROJECTOR), r"model.neck has \[''\], but the backbone fuses \['joint', 'bone', 'motion'\]"),
        (dict(neck=dict(bone=PROJECTOR, joint=PROJECTOR)), r"model.neck has \['bone', 'joint'\]"),
    ],
)
def test_what_does_not_fuse_is_refused(make, options, says):
    with pytest.raises(ConfigError, match=says):
        make(**options)
