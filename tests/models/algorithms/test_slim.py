"""SLiM against the official program, and what has to hold for its views and masks."""

import math

import pytest
import torch
from golden import to_view
from golden_masked import load, recordings, slim_model, slim_names, slim_views
from workshop import takes_views

from mmskelssl.datasets.keyed_random import clip_keys
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError

BACKBONE = dict(
    type='ClassTokenTransformer', num_frames=16, segment_length=4, width=8, num_layers=1, num_heads=2, num_registers=2
)
NECK = dict(type='PrototypeNeck', out_channels=12, hidden_channels=8, bottleneck_channels=4)


def make(**options):
    config = dict(
        type='SLiM',
        backbone=BACKBONE,
        neck=dict(clip=NECK, token=NECK),
        layout='kinect20',
        num_persons=1,
        num_views=3,
        mask_probability=1.0,
    )
    return takes_views(MODELS.build(config | options)).train()


@pytest.fixture
def views():
    return [torch.randn(4, 1, frames, 20, 3) for frames in (16, 16, 8)]


@pytest.mark.parametrize('path', recordings('slim'))
def test_the_official_program(path):
    golden = load(path)
    views, hidden = slim_views(golden)
    for name, run in golden['runs'].items():
        model = slim_model(golden, name.removesuffix('_knopp'), len(views)).train()
        losses = model.loss(views, hidden=hidden)
        assert sum(losses.values()).item() == pytest.approx(run['loss'], rel=1e-5), name
        official = run['losses']
        between = official['dino_local_crops_loss'] + official['dino_global_crops_loss']
        assert losses['loss_joint_class'].item() == pytest.approx(between, rel=1e-5)
        # The program logs halves of these two.
        assert losses['loss_joint_koleo'].item() == pytest.approx(2 * official['koleo_loss'], rel=1e-5)
        assert losses['loss_joint_token'].item() == pytest.approx(2 * official['ibot_loss'], rel=1e-5)
        sum(losses.values()).backward()
        norms = slim_names({f'student.{key}': norm for key, norm in run['grad_norms'].items()})
        ours = {key: p.grad.norm().item() for key, p in model.named_parameters() if p.grad is not None}
        backbone = 'encoder.joint.backbone.'
        token, table = (ours.pop(backbone + part) for part in ('class_token', 'joint_positions'))
        ours |= {backbone + 'cls_token': token, backbone + 'pos_embed': math.hypot(token, table)}
        assert ours.keys() == norms.keys()
        for key, norm in norms.items():
            assert ours[key] == pytest.approx(float(norm), rel=1e-4), (name, key)
        if 'class_targets' in run:
            long = [model.backbone('joint').persons(view)[0] for view in views[:2]]
            classes, places = model.targets('joint', long, torch.stack(list(hidden[:2])))
            # The program has the second view's first, as the first is drawn to it.
            swapped = run['class_targets'].unflatten(0, (2, -1)).flip(0)
            assert min((classes - given).abs().max() for given in (swapped, swapped.flip(0))) < 1e-5
            torch.testing.assert_close(places, run['patch_targets'], atol=1e-5, rtol=1e-5)
        if 'class_center' in run:
            model.after_update([model.to_enqueue()])
            for head, center in dict(clip='class_center', token='patch_center').items():
                torch.testing.assert_close(model.to_targets[f'joint_{head}'].center, run[center].flatten())


@pytest.mark.parametrize('path', recordings('slim'))
def test_tokens_of_the_official_program(path):
    golden = load(path)
    model = slim_model(golden).eval()
    teacher = model.encoder_k['joint'].backbone
    persons, _ = teacher.persons(to_view(golden['two_persons']))
    tokens, last = teacher.encode(teacher.embed(persons)), golden['features_eval'][-1]
    torch.testing.assert_close(tokens[:, 0], last['class_token'], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(tokens[:, 1:], last['patch_tokens'], atol=1e-5, rtol=1e-5)
    student, (views, hidden) = model.backbone('joint'), slim_views(golden)
    together = torch.cat([student.persons(view)[0] for view in views[:2]])
    tokens = student.encode(student.embed(together, torch.cat(hidden[:2])))
    recorded = golden['masked_student']
    torch.testing.assert_close(tokens[:, 0], recorded['class_token'], atol=1e-5, rtol=1e-5)
    grid = tokens[: len(recorded['patch_tokens']), 1:]
    torch.testing.assert_close(grid, recorded['patch_tokens'], atol=1e-5, rtol=1e-5)


def test_masks_belong_to_clips_and_epochs(views):
    model = make()
    keys = clip_keys(*torch.tensor([[3] * 4, [7] * 4, [5, 1, 8, 2]]))
    every = model.draw('joint', views, dict(keys=keys))
    assert [mask.shape for mask in every] == [(4, 80), (4, 80), (4, 40)]
    some = torch.tensor([2, 0])
    drawn = model.draw('joint', [x[some] for x in views], dict(keys=keys[some]))
    assert all(torch.equal(a, b[some]) for a, b in zip(drawn, every, strict=True))
    assert not torch.equal(every[0], every[1])
    losses = [sum(model(views, dict(keys=keys), mode='loss').values()) for _ in range(2)]
    assert losses[0] == losses[1] == sum(model.loss(views, hidden=every).values())


def test_only_the_first_person_counts(views):
    """The drawn one; zeros stand in the place of the others."""
    keys, one = dict(keys=torch.arange(4)), make()
    for absent_persons in ('encode', 'skip'):
        two = make(num_persons=2, backbone=BACKBONE | dict(absent_persons=absent_persons))
        two.load_state_dict(one.state_dict())
        with_absent = [torch.cat([view, torch.zeros_like(view)], 1) for view in views]
        assert two.loss(with_absent, keys) == one.loss(views, keys)


def test_half_of_the_long_views_are_shown_whole():
    model = make(mask_probability=0.5)
    views = [torch.zeros(400, 1, frames, 20, 3) for frames in (16, 16, 8)]
    masks = model.draw('joint', views, dict(keys=torch.arange(400)))
    shares = [mask.float().mean(1) for mask in masks]
    for share in shares[:2]:
        assert (share == 0).float().mean().item() == pytest.approx(0.5, abs=0.08)
    assert (shares[2] > 0).all() and shares[2].max() <= 0.9 and 0.55 < shares[2].mean() < 0.75


def test_views_without_hidden_tokens_have_no_loss_of_tokens(views):
    model = make()
    none = [torch.zeros(4, view.shape[2] // 4 * 20, dtype=torch.bool) for view in views]
    losses = model.loss(views, hidden=none)
    assert losses['loss_joint_token'] == 0 and losses['loss_joint_class'] > 0
    centred = make(assignment='centering')
    centred.loss(views, hidden=none)
    centred.after_update([centred.to_enqueue()])
    assert centred.to_targets['joint_clip'].center.any() and not centred.to_targets['joint_token'].center.any()


def test_the_temperature_warms_up():
    model = make(teacher_temperature=0.07, warmup_temperature=0.04, warmup_epochs=30)
    found = []
    for model.epoch in (0, 15, 30, 99):
        found.append(model.teacher_temperature)
    assert found == pytest.approx([0.04, 0.055, 0.07, 0.07])


def test_only_the_student_learns(views):
    model = make()
    sum(model(views, mode='loss').values()).backward()
    assert all((p.grad is None) == name.startswith('encoder_k') for name, p in model.named_parameters())
    assert not model.encoder_k.training


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (
            dict(backbone=dict(type='SkeletonTransformer', num_frames=16, width=8, num_heads=2)),
            "'ClassTokenTransformer'",
        ),
        (dict(neck=dict(clip=NECK)), 'model.neck names others than'),
        (dict(num_views=1), 'num_views=1: SLiM compares two long views'),
        (dict(mask_ratio=(0.9, 0.5)), 'mask_ratio=.* is not a range'),
        (dict(assignment='softmax'), "model.assignment='softmax' is neither"),
    ],
)
def test_settings_that_cannot_be_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        make(**options)
