"""STARS against the official program, and what has to hold for the neighbours and for what learns."""

import copy

import pytest
import torch
import torch.nn.functional as F
from golden import to_view
from golden_masked import assert_gradient_norms, load, recordings, stars_model, stars_names
from mmengine.config import Config
from workshop import takes_views, write_checkpoint

from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import CheckpointError, ConfigError

BACKBONE = dict(type='SkeletonTransformer', num_frames=16, width=8, num_layers=3, num_heads=2)
SAMPLES = dict(index=torch.tensor([4, 7, 1, 9, 0, 3]), keys=torch.arange(6))


def make(**options):
    config = dict(
        type='STARS', backbone=BACKBONE, layout='kinect20', num_persons=1, queue_size=32, predictor_channels=12
    )
    return takes_views(MODELS.build(config | options))


@pytest.fixture
def views():
    """Two views (6, 1, 16, 20, 3)."""
    clips = torch.randn(6, 1, 16, 20, 3)
    return [clips, clips + 0.1 * torch.randn_like(clips)]


@pytest.mark.parametrize('path', recordings('stars'))
def test_the_official_program(path):
    golden = load(path)
    views, samples = [to_view(x) for x in golden['inputs']], dict(index=golden['ids'])
    assert golden['runs']
    for topk, run in golden['runs'].items():
        options = dict(num_neighbors=max(int(topk), 1))
        draws = run['draws'] or None
        both = stars_model(golden, **options).train().loss(views, samples, draws)['loss_joint']
        assert both.item() == pytest.approx(run['loss'], rel=1e-5), topk
        model = stars_model(golden, **options, both_directions=False).train()
        loss = model.loss(views, samples, draws)['loss_joint']
        torch.testing.assert_close(loss, both)
        loss.backward()
        norms = stars_names({key: torch.tensor(norm) for key, norm in run['grad_norms'].items()})
        # Batch normalization cancels gradients of what is before it but for rounding.
        assert_gradient_norms(model, norms, absolute=3e-5)
        torch.testing.assert_close(model.keys['joint'], run['projection'], atol=1e-5, rtol=1e-5)
        if int(topk) == 0:
            model.after_update([model.keys])
            assert torch.equal(model.bank['clip'][:, 0], golden['after']['queue_id'])
            torch.testing.assert_close(model.bank['joint'].T, golden['after']['queue'], atol=1e-5, rtol=1e-5)
            assert int(model.bank.pointer) == int(golden['after']['queue_ptr'])
            for name, value in stars_names(golden['batch_norm_after']).items():
                torch.testing.assert_close(model.state_dict()[name], value, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('path', recordings('stars'))
def test_features_of_the_official_program(path):
    golden = load(path)
    model = stars_model(golden, 1).eval()
    feature = model(to_view(golden['inputs'][0]))['joint']
    z = model.projector['joint'](feature)
    recorded = golden['features_eval']
    torch.testing.assert_close(feature, recorded['mean'], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(z, recorded['projection'], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(model.predictor['joint'](z), recorded['prediction'], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def written_out(model, views, samples, chosen=None):
    """Clip by clip; ``chosen`` says which neighbour is taken for each view and clip."""
    heads = [model.heads(view)['joint'] for view in views]
    total = 0
    for a, b in ((0, 1), (1, 0)):
        p, z = heads[a][0], heads[b][1]
        for i, clip in enumerate(samples['index']):
            others = [k for k in range(model.bank.size) if model.bank['clip'][k, 0] != clip]
            others.sort(key=lambda k: -float(z[i] @ model.bank['joint'][k]))  # noqa: B023
            neighbour = model.bank['joint'][others[0 if chosen is None else int(chosen[b][i])]]
            logits = torch.stack([neighbour @ p[j] for j in range(len(p))]) / model.temperature
            total = total - logits.log_softmax(0)[i]
    return total / (2 * len(heads[0][0]))


def with_full_bank(model, views):
    """The model with its own clips in the bank, whose nearest neighbours they would be."""
    model.loss(views, SAMPLES)
    model.after_update([model.keys])
    return model


def test_loss_written_out(views):
    model = with_full_bank(make(temperature=0.2), views).eval()
    assert model.bank['clip'][:6, 0].tolist() == SAMPLES['index'].tolist()
    assert (model.bank['clip'][6:] == -1).all()
    loss = model.loss(views, SAMPLES)['loss_joint']
    torch.testing.assert_close(loss, written_out(model, views, SAMPLES), atol=1e-5, rtol=1e-4)
    # The clip itself is passed over by its number: other numbers, another loss.
    other = dict(SAMPLES, index=SAMPLES['index'] + 20)
    assert not torch.isclose(model.loss(views, other)['loss_joint'], loss, atol=1e-4)


def test_one_of_several_neighbours(views):
    model = with_full_bank(make(num_neighbors=4), views).eval()
    draws = [torch.tensor([0, 3, 1, 2, 0, 3]), torch.tensor([1, 1, 0, 2, 3, 0])]
    loss = model.loss(views, SAMPLES, draws)['loss_joint']
    torch.testing.assert_close(loss, written_out(model, views, SAMPLES, draws), atol=1e-5, rtol=1e-4)
    again = model.loss(views, SAMPLES)['loss_joint']
    assert model.loss(views, SAMPLES)['loss_joint'] == again  # drawn from the clips' keys
    first, second = model.draw(torch.zeros(1000), dict(keys=torch.arange(1000)))
    assert sorted(set(first.tolist())) == [0, 1, 2, 3] and not torch.equal(first, second)


def test_one_view_gives_the_numbers_of_two_that_are_the_same(views):
    two, one = make(), make(num_views=1)
    one.load_state_dict(two.state_dict())
    for model, given in ((two, [views[0], views[0].clone()]), (one, views[:1])):
        model(given, SAMPLES, mode='loss')['loss_joint'].backward()
    for a, b in zip(two.parameters(), one.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, atol=1e-6, rtol=1e-4)
    assert torch.equal(two.keys['joint'], one.keys['joint'])


@pytest.mark.parametrize(('layers', 'frozen'), [(None, 0), (3, 1), (1, 3), (0, 4)])
def test_upper_layers_learn(views, layers, frozen):
    model = make(learning_layers=layers)
    sum(model(views, SAMPLES, mode='loss').values()).backward()
    backbone = model.encoder['joint'].backbone
    for name, parameter in backbone.named_parameters():
        assert (parameter.grad is not None) == (backbone.layer_of(name) >= frozen), name
    assert all(p.grad is not None for part in (model.projector, model.predictor) for p in part.parameters())


def pretrained(path, **options):
    """A checkpoint of a small MAMP; its model."""
    decoder = dict(type='TokenDecoder', width=4, num_layers=1, num_heads=2)
    model = dict(type='MAMP', backbone=BACKBONE, decoder=decoder, layout='kinect20', num_persons=1)
    cfg = Config(dict(model=model | options))
    write_checkpoint(path, cfg, seed=3)
    return str(path)


def test_it_starts_from_a_pretrained_encoder(tmp_path):
    path = pretrained(tmp_path / 'mamp.pth')
    model = make(pretrained=path, learning_layers=1)
    model.init_weights()
    weights = torch.load(path, weights_only=True)['state_dict']
    for name, value in model.encoder['joint'].backbone.state_dict().items():
        assert torch.equal(value, weights[f'encoder.joint.backbone.{name}'])
    longer = make(pretrained=path, backbone=dict(BACKBONE, num_frames=32))
    longer.init_weights()
    table = weights['encoder.joint.backbone.time_positions']
    resized = F.interpolate(table.T[None, :, :, None], (8, 1), mode='bicubic')[0, :, :, 0].T
    torch.testing.assert_close(longer.encoder['joint'].backbone.time_positions, resized)


def test_encoders_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ConfigError, match='STARS tunes a pre-trained encoder: set model.pretrained'):
        make().init_weights()
    path = pretrained(tmp_path / 'mamp.pth')
    with pytest.raises(CheckpointError, match="trained on layout 'kinect20', the model has 'utd20'"):
        make(pretrained=path, layout='utd20').init_weights()
    with pytest.raises(CheckpointError, match='it lacks blocks.3'):
        make(pretrained=path, backbone=dict(BACKBONE, num_layers=4)).init_weights()
    with pytest.raises(CheckpointError, match=r"no backbone of 'bone'. It holds \['joint'\]"):
        make(pretrained=path, modalities=['bone']).init_weights()


def test_several_streams_share_the_numbers_of_clips(views):
    model = make(modalities=['joint', 'bone'])
    losses = model(views, SAMPLES, mode='loss')
    assert list(losses) == ['loss_joint', 'loss_bone'] and set(model.keys) == {'joint', 'bone', 'clip'}
    before = copy.deepcopy(model.bank.state_dict())
    model.after_update([model.keys])
    assert model.bank['clip'][:6, 0].tolist() == SAMPLES['index'].tolist()
    assert not torch.equal(model.bank['bone'], before['field_bone'])
    assert model.bank['clip'].dtype == torch.int64


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(num_views=3), 'num_views=3 is neither 1 nor 2'),
        (dict(learning_layers=4), 'learning_layers=4: the backbone has 3 blocks'),
        (dict(learning_layers=1, backbone=dict(type='BiGRU', hidden_channels=4)), 'BiGRU does not tell its layers'),
        (dict(num_neighbors=33), 'num_neighbors=33 neighbours of queue_size=32'),
        (dict(temperature=0), 'temperature=0'),
    ],
)
def test_settings_that_cannot_be_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        make(**options)


def test_a_bank_smaller_than_the_batch_is_refused():
    with pytest.raises(ConfigError, match='queue_size=32 is smaller than a total batch of 33 keys'):
        make().check_batch(33, '33 x 1 processes')
    make().check_batch(32, '32 x 1 processes')
