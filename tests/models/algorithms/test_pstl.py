import copy

import pytest
import torch
from golden_contrast import (
    assert_close,
    build,
    compare_gradients_of,
    load,
    norms_of_stgcn,
    part,
    recordings,
    st_gcn,
    view,
)

from mmskelssl.cli.official_weights import rename_stgcn
from mmskelssl.models.algorithms.pstl import Draws
from mmskelssl.utils.errors import ConfigError

STGCN = dict(type='STGCN', base_channels=2, out_channels=8, dropout=0.0)
NECK = dict(type='ProjectionNeck', num_layers=3, hidden_channels=12, batch_norm=True)
VIEWS = ('anchor', 'temporal_view', 'spatial_view')
KINDS = ('temporal', 'spatial')


@pytest.fixture(params=recordings('pstl'))
def golden(request):
    return load(request.param)


@pytest.fixture(params=[path for path in recordings('pstl') if path.id != 'slice'])
def whole(request):
    return load(request.param)


def model_of(golden, shape):
    config = golden['config']
    neck = dict(NECK, hidden_channels=config['projection'])
    masks = dict(mask_frames=config['mask_frame'], mask_joints=config['mask_joint'])
    options = dict(redundancy_weight=config['lambd'], feat_dim=config['projection'], neck=neck)
    return build(golden, golden[shape], type='PSTL', backbone=st_gcn(config), **masks, **options)


def loaded(golden):
    model, weights = model_of(golden, 'anchor'), golden['official_state_dict']
    neck = {f'neck.{key}': value for key, value in part(weights, 'head.projector.').items()}
    model.encoder['joint'].load_state_dict(rename_stgcn(part(weights, 'encoder.')) | neck)
    return model


def kept_joints(golden):
    every = torch.arange(golden['anchor'].shape[3])
    return every[~torch.isin(every, torch.tensor(golden['ignored_joints']))]


def draws_of(golden):
    num_clips = len(golden['anchor'])
    frames = torch.tensor(golden['frames_kept_of_the_still'])
    return Draws(*(kept.expand(num_clips, -1) for kept in (frames, kept_joints(golden))))


def assert_losses(losses, recorded):
    assert {name: loss.item() for name, loss in losses.items()} == {
        f'loss_joint_{kind}': pytest.approx(recorded[f'loss_{kind}'], rel=1e-5) for kind in KINDS
    }


def test_frames_are_cut_as_in_the_official_program(golden):
    model, x = model_of(golden, 'temporal_view'), view(golden['temporal_view'])
    frames = torch.tensor(golden['frames_kept_of_the_still']).expand(len(x), -1)
    assert torch.equal(model.cut(x, frames), view(golden['temporal_masked']))


@pytest.mark.shared
def test_step_is_that_of_the_official_program(whole):
    model, draws, views = loaded(whole), draws_of(whole), [view(whole[name]) for name in VIEWS]
    assert_losses(model.loss(views, draws=draws), whole['losses'])
    official = norms_of_stgcn(whole['grad_norms'], views[0].shape[3], 'encoder.')
    official |= {f'neck.{key}': norm for key, norm in part(whole['grad_norms'], 'head.projector.').items()}
    compare_gradients_of(
        lambda: sum(model.loss(views, draws=draws).values()).backward(), model.encoder['joint'], official
    )


@pytest.mark.shared
def test_features_are_those_of_the_official_program(whole):
    backbone, x = loaded(whole).encoder['joint'].backbone.eval(), view(whole['anchor'])
    assert_close(backbone(x), whole['features_eval'])
    features = backbone.pool(backbone.subgraph_map(x, draws_of(whole).joints))
    assert_close(features, whole['features_eval_without_joints'])


@pytest.fixture
def three(views):
    return [*views, views[1] + 0.1 * torch.randn_like(views[1])]


def make(make_model, **options):
    return make_model('PSTL', **dict(backbone=STGCN, neck=NECK, mask_frames=3, mask_joints=6) | options)


@pytest.mark.parametrize('modalities', [['joint'], ['motion', 'bone']])
def test_with_nothing_masked_it_is_barlow_twins_twice(make_model, three, modalities):
    options = dict(modalities=modalities, redundancy_weight=0.01)
    plain = make_model('BarlowTwins', backbone=STGCN, neck=NECK, **options)
    ours = make(make_model, mask_frames=0, mask_joints=0, **options)
    ours.load_state_dict(plain.state_dict())
    losses, expected = ours(three, mode='loss'), {}
    for kind, partial in zip(KINDS, three[1:], strict=True):
        expected |= {f'{name}_{kind}': loss for name, loss in plain([three[0], partial], mode='loss').items()}
    assert losses.keys() == expected.keys()
    for name, loss in losses.items():
        torch.testing.assert_close(loss, expected[name], rtol=1e-4, atol=1e-5)
    for model, total in ((ours, sum(losses.values())), (plain, sum(expected.values()))):
        model.zero_grad()
        total.backward()
    for one, other in zip(plain.parameters(), ours.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-3, atol=1e-3)


def test_what_moves_most_is_cut_out_and_then_some_by_chance(make_model, three):
    model = make(make_model)
    x = three[0].double()
    frames, _ = model.draw(x, None)
    assert frames.shape == (6, 16 - 2 * 3) and (frames.diff(dim=1) > 0).all() and (frames < 16 - 3).all()
    for clip, cut, kept in zip(x, model.cut(x, frames), frames, strict=True):
        motion = [(clip[:, t + 1] - clip[:, t]).square().sum().item() for t in range(15)] + [0.0]
        still = sorted(sorted(range(16), key=motion.__getitem__)[: 16 - 3])
        assert torch.equal(cut, clip[:, [still[k] for k in kept.tolist()]])


def test_what_is_kept_belongs_to_the_clip(make_model, three):
    model, keys = make(make_model), torch.arange(6)
    whole = model.draw(three[0], dict(keys=keys))
    for kept, of_part in zip(whole, model.draw(three[0][2:], dict(keys=keys[2:])), strict=True):
        assert torch.equal(kept[2:], of_part)
    assert all(len(set(map(tuple, kept.tolist()))) > 1 for kept in whole)


def test_joints_left_out_make_no_difference_to_their_view(make_model, three):
    model = make(make_model).eval()
    draws = model.draw(three[0], dict(keys=torch.arange(6)))
    before = model.loss(three, draws=draws)
    left_out = torch.ones(6, 20, dtype=torch.bool).scatter_(1, draws.joints, False)[:, None, None, :, None]
    after = model.loss([*three[:2], three[2].masked_fill(left_out, 9.0)], draws=draws)
    assert all(torch.equal(loss, after[name]) for name, loss in before.items())
    others = copy.copy(three)
    others[2] = three[2].masked_fill(~left_out, 9.0)
    assert not torch.equal(model.loss(others, draws=draws)['loss_joint_spatial'], before['loss_joint_spatial'])


@pytest.mark.parametrize(
    ('options', 'says'),
    [
        (dict(mask_joints=20), 'mask_joints=20 leaves nothing of the 20 joints'),
        (dict(mask_joints=-1), 'mask_joints'),
        (dict(mask_frames=-1), 'mask_frames'),
        (dict(backbone=dict(type='BiGRU', hidden_channels=8)), 'BiGRU does not run on a part of one: take STGCN'),
        (dict(backbone=dict(type='AGCN', base_channels=4)), 'AGCN does not run on a part of one: take STGCN'),
    ],
)
def test_what_cannot_be_is_refused(make_model, options, says):
    with pytest.raises(ConfigError, match=says):
        make(make_model, **options)


@pytest.mark.parametrize(('mask_frames', 'fewer'), [(8, 8), (10, 8)])
def test_views_that_are_too_short_are_refused(make_model, three, mask_frames, fewer):
    with pytest.raises(ConfigError, match=f'views have 16 frames: cut out fewer than {fewer}'):
        make(make_model, mask_frames=mask_frames)(three, mode='loss')
