"""Skeleton2vec against the official program, and what has to hold for teacher and tubes."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from golden_masked import (
    assert_gradient_norms,
    latent_model,
    latent_names,
    load,
    recordings,
    with_joint_projections,
)
from workshop import takes_views

from mmskelssl.models.masking import hidden, num_kept
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError

BACKBONE = dict(type='SkeletonTransformer', num_frames=16, width=8, num_layers=3, num_heads=2)
DECODER = dict(type='TokenDecoder', width=4, num_layers=1, num_heads=2)


def make(**options):
    config = dict(
        type='Skeleton2vec',
        backbone=BACKBONE,
        decoder=DECODER,
        layout='kinect20',
        num_target_layers=2,
        tube_length=2,
    )
    model = takes_views(MODELS.build(config | options))
    for parameter in model.encoder_k.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    return model


@pytest.fixture
def view():
    """(4, 2, 16, 20, 3); the first clip has one person."""
    x = torch.randn(4, 2, 16, 20, 3)
    x[0, 1] = 0
    return x


@pytest.mark.parametrize('path', recordings('skeleton2vec'))
def test_the_official_program(path):
    golden = load(path)
    view = golden['inputs']
    runs = {name: run for name, run in golden['runs'].items() if run['num_masked_views'] == 1}
    assert any(run['strategy'] == 'random' for run in runs.values())
    for name, run in runs.items():
        model = latent_model(golden, run)
        persons, _ = model.backbone('joint').persons(view)
        kept = model.choose(persons, run['uniform'].flatten(1), model.backbone('joint').segment_length)
        assert torch.equal(hidden(kept, run['mask'].shape[1]), run['mask']), name
        if 'target' in run:
            target = model.targets('joint', persons)[run['mask']]
            torch.testing.assert_close(target, run['target'], atol=1e-5, rtol=1e-5)
        if run['strategy'] != 'random':
            continue  # the program then puts visible tokens at foreign places before it decodes
        loss = model.loss([view], uniform=run['uniform'].view(*view.shape[:2], -1))['loss_joint']
        assert loss.item() == pytest.approx(run['loss'], rel=1e-5)
        loss.backward()
        norms = latent_names({key: torch.tensor(norm) for key, norm in run['grad_norms'].items()})
        assert_gradient_norms(model, with_joint_projections(norms, lambda parts: math.hypot(*parts)))
        if 'prediction' in run:
            backbone = model.backbone('joint')
            visible = backbone.encode(backbone.embed(persons)[torch.arange(len(persons))[:, None], kept], kept)
            torch.testing.assert_close(visible, run['encoder_visible'], atol=1e-5, rtol=1e-5)
            predicted = model.decoder['joint'](visible, kept)[run['mask']]
            torch.testing.assert_close(predicted, run['prediction'], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('path', recordings('skeleton2vec'))
def test_features_of_the_official_program(path):
    golden = load(path)
    view, features = golden['inputs'], golden['features_eval']
    model = latent_model(golden, golden['runs']['random']).eval()
    torch.testing.assert_close(model(view)['joint'], features['mean'], atol=1e-5, rtol=1e-5)
    if 'tokens' in features:
        backbone = model.backbone('joint')
        tokens = backbone.encode(backbone.embed(backbone.persons(view)[0]))
        torch.testing.assert_close(tokens, features['tokens'], atol=1e-5, rtol=1e-5)


def test_targets_by_hand(view):
    model = make()
    persons = view.flatten(0, 1)
    teacher = model.encoder_k['joint'].backbone
    tokens, layers = teacher.embed(persons), []
    for block in teacher.blocks:
        tokens = block(tokens)
        layers.append(F.layer_norm(tokens, (8,)))
    expected = F.layer_norm((layers[1] + layers[2]) / 2, (8,))
    torch.testing.assert_close(model.targets('joint', persons), expected)
    every = F.layer_norm(sum(layers) / 3, (8,))
    every_layer = make(num_target_layers=None)
    every_layer.encoder_k.load_state_dict(model.encoder_k.state_dict())
    torch.testing.assert_close(every_layer.targets('joint', persons), every)


def test_nothing_is_dropped_from_targets(view):
    model = make(backbone=dict(BACKBONE, drop_path=0.9)).train()
    persons = view.flatten(0, 1)
    assert torch.equal(model.targets('joint', persons), model.targets('joint', persons))
    assert model.encoder.training and not model.encoder_k.training
    uniform = torch.rand(4, 2, 80)
    assert model.loss([view], uniform=uniform)['loss_joint'] != model.loss([view], uniform=uniform)['loss_joint']


def test_the_teacher_learns_nothing_and_follows(view):
    model = make(momentum=0.75)
    model([view], mode='loss')['loss_joint'].backward()
    assert all(p.grad is None for p in model.encoder_k.parameters())
    assert all(p.grad is not None for p in [*model.encoder.parameters(), *model.decoder.parameters()])
    before = copy.deepcopy(model.encoder_k)
    model.before_update()
    for now, old, student in zip(
        model.encoder_k.parameters(), before.parameters(), model.encoder.parameters(), strict=True
    ):
        torch.testing.assert_close(now, 0.75 * old + 0.25 * student)


@pytest.mark.parametrize('temperature', [0.0, 0.8])
def test_tubes_show_the_same_joints_for_a_run(view, temperature):
    model = make(mask_temperature=temperature)
    kept = model.choose(view.flatten(0, 1), torch.rand(8, 80), 4)
    visible = ~hidden(kept, 80).view(8, 2, 2, 20)
    assert torch.equal(visible[:, :, 0], visible[:, :, 1]) and (visible.sum(-1) == num_kept(20, 0.9)).all()
    assert not torch.equal(visible[:, 0], visible[:, 1])


def test_joints_that_move_in_a_run_are_hidden_in_it():
    x = 0.01 * torch.randn(2000, 16, 20, 3).cumsum(1)
    x[:, 8:, :10] += 0.3 * torch.randn(2000, 8, 10, 3).cumsum(1)
    kept = make(mask_temperature=0.2).choose(x, torch.rand(2000, 80), 4)
    visible = (~hidden(kept, 80)).view(2000, 4, 2, 10).float().mean((0, 3))
    assert visible[3, 0] < 0.3 * visible[3, 1] and visible[0, 0] == pytest.approx(visible[0, 1].item(), rel=0.3)


def test_single_tokens_are_hidden_as_in_mamp(view):
    mamp = MODELS.build(dict(type='MAMP', backbone=BACKBONE, decoder=DECODER, layout='kinect20'))
    uniform = torch.rand(8, 80)
    chosen = [model.choose(view.flatten(0, 1), uniform, 4) for model in (mamp, make(tube_length=1))]
    assert torch.equal(*chosen)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(num_target_layers=4), 'num_target_layers=4: the backbone has 3 blocks'),
        (dict(num_target_layers=0), 'num_target_layers=0'),
        (dict(tube_length=3), 'tube_length=3 does not divide the 4 segments'),
        (dict(tube_length=0), 'tube_length=0'),
        (dict(mask_ratio=0.97), 'mask_ratio=0.97 leaves none of 20 joints visible'),
        (dict(momentum=1.5), r'momentum=1.5 is not within \[0, 1\]'),
    ],
)
def test_settings_that_cannot_be_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        make(**options)
