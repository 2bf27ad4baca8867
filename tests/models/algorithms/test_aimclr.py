import copy

import pytest
import torch
from golden_contrast import (
    assert_close,
    assert_learns_as,
    build,
    compare_gradients,
    load,
    load_encoders,
    loaded_bank,
    norms_of_stgcn,
    recordings,
    st_gcn,
    view,
)

from mmskelssl.models.dropping import drop_salient
from mmskelssl.utils.errors import ConfigError

STGCN = dict(type='STGCN', base_channels=2, out_channels=8, dropout=0.0)


@pytest.fixture(params=recordings('aimclr'))
def golden(request):
    return load(request.param)


@pytest.fixture(params=[path for path in recordings('aimclr') if path.id != 'slice'])
def whole(request):
    return load(request.param)


def stages(golden):
    """k, or None for the first stage, and what is recorded of it."""
    return [(None, golden['stage1']), *golden['stage2'].items()]


def model_of(golden, shape, topk=None):
    config = golden['config']
    options = dict(temperature=config['T'], drop_threshold=config['keep'], topk=topk or 1, cross_epoch=1)
    model = build(golden, shape, type='AimCLR', backbone=st_gcn(config), **options)
    model.epoch = 0 if topk is None else 1
    return loaded_bank(model, golden)


def assert_losses(losses, recorded):
    recorded = recorded['losses']
    assert list(losses) == ['loss_joint', 'loss_joint_extreme', 'loss_joint_dropped']
    contrast, extreme, dropped = (loss.item() for loss in losses.values())
    assert contrast == pytest.approx(recorded['loss_contrast'], rel=1e-5)
    assert 2 * extreme == pytest.approx(recorded['loss_extreme'], rel=1e-5)
    assert 2 * dropped == pytest.approx(recorded['loss_drop'], rel=1e-5)
    assert contrast + extreme + dropped == pytest.approx(recorded['total'], rel=1e-5)


def test_losses_of_recorded_embeddings(golden):
    embeddings = {name: dict(joint=z.double()) for name, z in golden['embeddings'].items()}
    for topk, recorded in stages(golden):
        model = model_of(golden, golden['query'], topk)
        model.keys = embeddings['key']
        harder = {kind: embeddings[kind] for kind in ('extreme', 'dropped')}
        assert_losses(model.objective(model.entities(embeddings['query']), harder), recorded)


def test_map_is_dropped_as_in_the_official_program(golden):
    maps, expected = (golden['drop'][name].unsqueeze(1) for name in ('input', 'output'))
    assert 0 < (expected == 0).float().mean() < 1
    assert_close(drop_salient(maps, golden['config']['keep']), expected)


@pytest.mark.shared
def test_step_is_that_of_the_official_program(whole):
    views = [view(whole[name]) for name in ('extreme', 'query', 'key')]
    for topk, recorded in stages(whole):
        model = load_encoders(model_of(whole, whole['query'], topk), whole)
        feature = copy.deepcopy(model.encoder['joint'].backbone).eval()(views[1])
        assert_close(feature, whole['features_eval'])
        losses = model.loss(views)
        assert_losses(losses, recorded)
        assert_close(model.keys['joint'], whole['embeddings']['key'])
        sum(losses.values()).backward()
        compare_gradients(model.encoder['joint'], norms_of_stgcn(recorded['grad_norms'], views[0].shape[3]))
        model.after_update([model.to_enqueue()])
        assert_close(model.bank['joint'], recorded['queue_after'].T)
        assert int(model.bank.pointer) == recorded['queue_ptr_after']


@pytest.mark.shared
def test_embeddings_are_those_of_the_official_program(whole):
    model = load_encoders(model_of(whole, whole['query']), whole)
    for kind, z in model.encode_harder([view(whole['extreme'])], None).items():
        assert_close(z['joint'], whole['embeddings'][kind])


def test_positives_are_the_key_and_what_any_query_finds(golden):
    for topk, recorded in golden['stage2'].items():
        past = golden['official_state_dict']['queue']
        found = [
            (golden['embeddings'][name] @ past).topk(topk).indices.tolist() for name in ('query', 'extreme', 'dropped')
        ]
        assert [1 + len(set(sum(slots, []))) for slots in zip(*found, strict=True)] == recorded['positives']


@pytest.fixture
def extreme_first(views):
    return [views[0] + 0.5 * torch.randn_like(views[0]), *views]


def test_without_extreme_views_and_mining_it_is_skeletonclr(make_model, extreme_first):
    plain, ours = make_model('SkeletonCLR', backbone=STGCN), make_model('AimCLR', backbone=STGCN, follow_weight=0)
    assert_learns_as(plain, extreme_first[1:], ours, extreme_first)


def test_gradients_reach_the_ordinary_query_by_contrast_only(make_model, extreme_first):
    model = make_model('AimCLR', backbone=STGCN)
    embedded = {name: torch.randn(6, 4, requires_grad=True) for name in ('query', 'extreme', 'dropped')}
    model.keys = dict(joint=torch.nn.functional.normalize(torch.randn(6, 4)))
    harder = {kind: dict(joint=embedded[kind]) for kind in ('extreme', 'dropped')}
    losses = model.objective(model.entities(dict(joint=embedded['query'])), harder)
    for kind in ('extreme', 'dropped'):
        gradients = torch.autograd.grad(
            losses[f'loss_joint_{kind}'], list(embedded.values()), allow_unused=True, retain_graph=True
        )
        assert [name for name, g in zip(embedded, gradients, strict=True) if g is not None] == [kind]


def test_modalities_learn_by_themselves(make_model, extreme_first):
    model = make_model('AimCLR', backbone=STGCN, modalities=['joint', 'bone'])
    kinds = ['', '_extreme', '_dropped']
    assert list(model(extreme_first, mode='loss')) == [f'loss_{a}{kind}' for a in ('joint', 'bone') for kind in kinds]


def test_backbone_without_a_map_needs_no_drop(make_model, extreme_first):
    with pytest.raises(ConfigError, match='BiGRU has none: set model.drop_threshold=None, or take STGCN or AGCN'):
        make_model('AimCLR')
    losses = make_model('AimCLR', drop_threshold=None)(extreme_first, mode='loss')
    assert list(losses) == ['loss_joint', 'loss_joint_extreme']


@pytest.mark.parametrize(
    ('option', 'says'),
    [
        (dict(topk=0), 'topk=0 neighbours of queue_size=32'),
        (dict(topk=33), 'topk=33 neighbours of queue_size=32'),
        (dict(cross_epoch=-1), 'cross_epoch'),
        (dict(follow_weight=-0.5), 'follow_weight'),
        (dict(drop_threshold=0.5), 'drop_threshold=0.5 drops everything'),
    ],
)
def test_values_out_of_range_are_refused(make_model, option, says):
    with pytest.raises(ConfigError, match=says):
        make_model('AimCLR', backbone=STGCN, **option)
