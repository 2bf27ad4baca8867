import copy
from itertools import product

import pytest
import torch
from golden_contrast import assert_close, build, compare_gradients, load, load_encoders, part, recordings, view

from mmskelssl.cli.official_scd_net import rename_scd_net
from mmskelssl.utils.errors import ConfigError

ENTITIES = ('temporal', 'spatial', 'instance')
DOMAINS = ENTITIES[:2]
NECK = dict(
    temporal=dict(type='ProjectionNeck', pooling='temporal'),
    spatial=dict(type='ProjectionNeck', pooling='spatial'),
    instance=dict(type='ProjectionNeck'),
)


@pytest.fixture(params=recordings('scd_net'))
def golden(request):
    return load(request.param)


@pytest.fixture(params=[path for path in recordings('scd_net') if path.id != 'slice'])
def whole(request):
    return load(request.param)


def model_of(golden):
    """In float64, with the queues; ours before the encoders are loaded."""
    config, weights = golden['config'], golden['official_state_dict']
    backbone = dict(
        type='DecoupledEncoder',
        num_frames=config['frames'],
        gcn_channels=config['gcn_channels'],
        width=config['hidden'],
        num_layers=config['layers'],
        num_heads=config['heads'],
        dropout=0.0,
    )
    neck = NECK | dict(instance=dict(NECK['instance'], hidden_channels=config['hidden']))
    feat_dim, queue_size = weights['i_queue'].shape
    options = dict(temperature=config['T'], feat_dim=feat_dim, queue_size=queue_size)
    model = build(golden, golden['query'], type='SCDNet', backbone=backbone, **options | dict(neck=neck))
    for entity in ENTITIES:
        model.bank[f'joint_{entity}'].copy_(weights[f'{entity[0]}_queue'].T)
    model.bank.pointer.fill_(int(weights['i_queue_ptr']))
    return model


def embeddings(golden, role):
    return {f'joint_{entity}': golden['embeddings'][f'{role}_{entity}'].double() for entity in ENTITIES}


def assert_losses(losses, golden):
    assert {name.replace('_joint', '', 1) for name in losses} == set(golden['losses'])
    for name, loss in losses.items():
        assert loss.item() == pytest.approx(golden['losses'][name.replace('_joint', '', 1)], rel=1e-5)


def test_losses_of_recorded_embeddings(golden):
    model = model_of(golden)
    model.keys = embeddings(golden, 'key')
    assert_losses(model.objective(model.entities(embeddings(golden, 'query'))), golden)


@pytest.mark.shared
def test_step_is_that_of_the_official_program(whole):
    model = load_encoders(model_of(whole), whole, rename_scd_net)
    views = [view(whole[name]) for name in ('query', 'key')]
    assert_close(copy.deepcopy(model).eval()(views[0])['joint'], whole['features_eval'])
    found = copy.deepcopy(model).encode(model.encoder, views[0])
    for name, z in embeddings(whole, 'query').items():
        assert_close(found[name], z)
    model = load_encoders(model_of(whole), whole, rename_scd_net)
    losses = model.loss(views)
    assert_losses(losses, whole)
    for name, z in embeddings(whole, 'key').items():
        assert_close(model.keys[name], z)
    sum(losses.values()).backward()
    # Of three convolutions that are one here, the norms are put side by side.
    norms = {name: torch.tensor([float(norm)]) for name, norm in part(whole['grad_norms'], 'encoder_q.').items()}
    official = {name: value.norm().item() for name, value in rename_scd_net(norms).items()}
    # Maxima and ReLUs near a tie fall as rounding has it: the program itself, run again in float32 and in float64, is
    # as far from its recording as ours, and ours is within 1e-13 of that run in float64.
    compare_gradients(model.encoder['joint'], official, rel=2e-3, abs=1e-4)
    model.after_update([model.to_enqueue()])
    for entity in ENTITIES:
        assert_close(model.bank[f'joint_{entity}'], whole['queue_after'][f'{entity[0]}_queue'].T)
    assert int(model.bank.pointer) == whole['queue_ptr_after']


@pytest.fixture
def make(make_model):
    backbone = dict(type='DecoupledEncoder', num_frames=16, gcn_channels=4, width=8, num_heads=2, dropout=0.0)
    return lambda **changes: make_model('SCDNet', **dict(backbone=backbone, neck=NECK) | changes)


@pytest.mark.parametrize('modalities', [['joint'], ['motion', 'bone']])
def test_losses_written_out(make, views, modalities):
    model = make(modalities=modalities, temperature=0.3)
    losses = model(views, mode='loss')
    queries, keys = (
        model.encode(encoder, x) for encoder, x in zip((model.encoder, model.encoder_k), views, strict=True)
    )
    pairs = [pair for domain in DOMAINS for pair in ((domain, 'instance'), ('instance', domain))]
    assert set(losses) == {f'loss_{a}_{query}_{key}' for a, (query, key) in product(modalities, pairs)}
    for a, (query, key) in product(modalities, pairs):
        q, k, past = queries[f'{a}_{query}'], keys[f'{a}_{key}'], model.bank[f'{a}_{key}']
        logits = torch.cat([(q * k).sum(1, keepdim=True), q @ past.T], 1) / 0.3
        expected = torch.nn.functional.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long))
        torch.testing.assert_close(losses[f'loss_{a}_{query}_{key}'], expected)
    assert set(model.to_enqueue()) == {f'{a}_{entity}' for a, entity in product(modalities, ENTITIES)}


@pytest.mark.parametrize('domain', DOMAINS)
def test_domains_learn_by_themselves(make, views, domain):
    """What is said of time and its keys have no part in what space learns, and the other way round."""
    model = make()
    losses = model(views, mode='loss')
    (other,) = set(DOMAINS) - {domain}
    own = torch.autograd.grad(
        losses[f'loss_joint_{domain}_instance'], list(model.encoder.parameters()), allow_unused=True, retain_graph=True
    )
    reached = {name for (name, _), g in zip(model.encoder.named_parameters(), own, strict=True) if g is not None}
    assert reached == {name for name, _ in model.encoder.named_parameters() if f'.{domain}.' in name}
    model.bank[f'joint_{other}'].copy_(model.bank[f'joint_{other}'].roll(1, 1))
    changed = {name for name, loss in model(views, mode='loss').items() if loss.item() != losses[name].item()}
    assert changed == {f'loss_joint_instance_{other}'}


def test_feature_is_both_domains(make, views):
    model = make()
    pooled = model.encoder['joint'].backbone.pooled(views[0])
    assert torch.equal(model(views[0])['joint'], torch.cat([pooled['temporal'], pooled['spatial']], 1))


@pytest.mark.parametrize(
    ('changes', 'says'),
    [
        (dict(neck=NECK['instance']), r"stream 'joint' has \[\]: SCD-Net takes one for each of \['temporal'"),
        (dict(neck=dict(temporal=NECK['temporal'])), r"has \['temporal'\]: SCD-Net takes one"),
        (dict(neck=NECK | dict(spatial=dict(NECK['spatial'], out_channels=5))), "those of 'joint' differ in width"),
        (dict(backbone=dict(type='BiGRU', hidden_channels=8)), r"neck.pooling='temporal' is not one of \[None\]"),
        (dict(temperature=0), 'temperature=0 is not above 0'),
    ],
)
def test_necks_and_values_that_do_not_fit_are_refused(make, changes, says):
    with pytest.raises(ConfigError, match=says):
        make(**changes)


def test_another_number_of_views_is_refused(make, views):
    with pytest.raises(ConfigError, match='SCDNet learns from 2 views, but got 3'):
        make()([*views, views[0]], mode='loss')
