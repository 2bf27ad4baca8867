from contextlib import nullcontext as does_not_raise
from types import SimpleNamespace

import pytest
import torch
from mmengine.dataset import DefaultSampler, InfiniteSampler
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler

from mmskelssl.datasets import ClipSampler, ClipStore, SkeletonDataset, batch_collate
from mmskelssl.engine.hooks import SetupCheckHook
from mmskelssl.engine.hooks.setup_check_hook import _check_sampler
from mmskelssl.registry import MODELS
from mmskelssl.utils import CheckpointError
from mmskelssl.utils.errors import ConfigError

BACKBONE = dict(type='BiGRU', hidden_channels=8)


def make_method(**options):
    config = dict(type='SkeletonCLR', backbone=BACKBONE, neck=dict(type='ProjectionNeck'), layout='kinect20')
    return MODELS.build(config | dict(queue_size=16, feat_dim=4) | options)


def make_classifier(num_classes):
    head = dict(type='LinearHead', num_classes=num_classes)
    return MODELS.build(dict(type='SkeletonClassifier', backbone=BACKBONE, head=head, layout='kinect20', num_persons=1))


def loader_of(dataset, sampler=ClipSampler, **options):
    return DataLoader(dataset, sampler=sampler and sampler(dataset), collate_fn=batch_collate, **options)


def runner_of(model, dataset, loader=None, gallery=None, k=1, accumulative_counts=1, cfg=None, **options):
    """What the hook reads of a runner, and the warnings that it gets."""
    loader = loader or loader_of(dataset, **dict(dict(batch_size=4), **options))
    loop = SimpleNamespace(dataloader=loader, evaluator=SimpleNamespace(metrics=[SimpleNamespace(k=k)]))
    loop.gallery_dataloader = gallery
    warnings = []
    return SimpleNamespace(
        model=model,
        cfg=cfg or {},
        train_dataloader=loader,
        val_loop=loop,
        test_loop=loop,
        _train_loop=None,
        optim_wrapper=SimpleNamespace(_accumulative_counts=accumulative_counts),
        logger=SimpleNamespace(warning=warnings.append),
        warnings=warnings,
    )


STAGES = ('before_train', 'before_val', 'before_test')


@pytest.fixture
def dataset(make_store):
    return SkeletonDataset(make_store(layout='kinect20'))  # 7 clips of 3 classes


@pytest.mark.parametrize('stage', STAGES)
def test_what_fits_passes_and_other_data_sets_are_not_looked_at(stage, dataset):
    for model in (make_method(queue_size=7), make_classifier(3)):
        runner = runner_of(model, dataset)
        getattr(SetupCheckHook(), stage)(runner)
        assert runner.warnings == []
    getattr(SetupCheckHook(), stage)(
        runner_of(make_method(), torch.utils.data.TensorDataset(torch.zeros(3)), sampler=None)
    )


@pytest.mark.parametrize('stage', STAGES)
@pytest.mark.parametrize('model', [make_method, lambda: make_classifier(3)])
def test_data_of_another_layout_is_refused(make_store, stage, model):
    store = make_store(layout='ntu25')
    with pytest.raises(ConfigError) as error:
        getattr(SetupCheckHook(), stage)(runner_of(model(), SkeletonDataset(store)))
    assert f"{store} has layout 'ntu25', the model 'kinect20': set model.layout" in str(error.value)


@pytest.mark.parametrize('stage', STAGES)
def test_another_number_of_classes_is_refused(dataset, stage):
    with pytest.raises(ConfigError, match=r'has 3 classes, but model.head.num_classes=4: set it to 3'):
        getattr(SetupCheckHook(), stage)(runner_of(make_classifier(4), dataset))


@pytest.mark.parametrize('kind', [DefaultSampler, InfiniteSampler, RandomSampler, SequentialSampler, None])
def test_samplers_that_do_not_tell_the_epoch_are_refused(dataset, kind):
    with pytest.raises(ConfigError, match=r"train_dataloader.sampler: \w+Sampler .*type='ClipSampler'"):
        SetupCheckHook().before_train(runner_of(make_method(), dataset, sampler=kind))


def test_batch_samplers_are_looked_into(dataset):
    for sampler, raises in ((ClipSampler, does_not_raise()), (DefaultSampler, pytest.raises(ConfigError))):
        batches = BatchSampler(sampler(dataset), 2, False)
        loader = DataLoader(dataset, batch_sampler=batches, collate_fn=batch_collate)
        with raises:
            _check_sampler(loader)


@pytest.mark.parametrize(
    ('batch_size', 'processes', 'fits'), [(7, 1, True), (8, 1, False), (4, 2, True), (5, 2, False)]
)
def test_an_epoch_without_a_batch_is_refused(dataset, batch_size, processes, fits):
    runner = runner_of(make_method(), dataset, batch_size=batch_size, drop_last=True)
    runner.val_loop = None
    with does_not_raise() if fits else pytest.raises(ConfigError, match='no batch.*7 clips.*drop_last=False'):
        SetupCheckHook(processes).before_train(runner)


@pytest.mark.parametrize(
    ('method', 'batch_size', 'processes', 'drop_last', 'fits'),
    [
        ('VICReg', 3, 1, False, False),
        ('VICReg', 3, 1, True, True),
        ('VICReg', 4, 1, False, True),
        ('BarlowTwins', 3, 2, False, False),
        ('BarlowTwins', 1, 1, True, False),
        ('SkeletonCLR', 3, 1, False, True),
    ],
)
def test_a_last_batch_too_small_for_the_loss_is_refused(dataset, method, batch_size, processes, drop_last, fits):
    queue = dict(queue_size=16) if method == 'SkeletonCLR' else {}
    config = dict(type=method, backbone=BACKBONE, neck=dict(type='ProjectionNeck'), layout='kinect20', **queue)
    runner = runner_of(MODELS.build(config), dataset, batch_size=batch_size, drop_last=drop_last)  # 7 clips
    runner.val_loop = None
    with does_not_raise() if fits else pytest.raises(ConfigError, match=f'last batch .* has 1 clips, {method} needs 2'):
        SetupCheckHook(processes).before_train(runner)


@pytest.mark.parametrize(
    ('key', 'fits'), [('backbone', True), ('neck.0', True), ('backbon_', False), ('encoder_k', False)]
)
def test_custom_keys_that_name_no_parameter_are_refused(dataset, key, fits):
    cfg = dict(optim_wrapper=dict(paramwise_cfg=dict(custom_keys={key: dict(lr_mult=0.1)})))
    with does_not_raise() if fits else pytest.raises(ConfigError, match=f"custom_keys: no parameter .* '{key}'"):
        SetupCheckHook().before_train(runner_of(make_method(), dataset, cfg=cfg))


@pytest.mark.parametrize(('batch_size', 'accumulated', 'processes', 'fits'), [(4, 2, 2, True), (6, 3, 1, False)])
def test_total_batch_has_to_fit_into_the_bank(dataset, batch_size, accumulated, processes, fits):
    runner = runner_of(make_method(), dataset, batch_size=batch_size, accumulative_counts=accumulated)
    says = r'queue_size=16 is smaller than a total batch of 18 keys \(6 x 1 processes x 3 accumulated\)'
    with does_not_raise() if fits else pytest.raises(ConfigError, match=says):
        SetupCheckHook(processes).before_train(runner)


@pytest.mark.parametrize('stage', STAGES)
def test_neighbours_are_counted_where_the_run_starts(dataset, stage):
    gallery = loader_of(dataset)
    getattr(SetupCheckHook(), stage)(runner_of(make_method(), dataset, gallery=gallery, k=7))
    with pytest.raises(ConfigError, match=r'_evaluator.k=8 neighbours in a gallery of 7 clips'):
        getattr(SetupCheckHook(), stage)(runner_of(make_method(), dataset, gallery=gallery, k=8))


def test_evaluation_leaves_out_no_clip(dataset):
    with pytest.raises(ConfigError, match='test_dataloader.drop_last leaves out clips'):
        SetupCheckHook().before_test(runner_of(make_method(), dataset, drop_last=True))
    gallery = loader_of(dataset, drop_last=True)
    with pytest.raises(ConfigError, match='val_cfg.gallery_dataloader.drop_last leaves out clips'):
        SetupCheckHook().before_val(runner_of(make_method(), dataset, gallery=gallery))


def test_a_single_class_is_refused(dataset, make_store):
    one = SkeletonDataset(make_store('one', layout='kinect20'))
    one.indices = one.indices[[0, 3, 6]]  # labels are numbers modulo 3
    with pytest.raises(ConfigError, match='train_dataloader: all clips are of one class'):
        SetupCheckHook().before_train(runner_of(make_classifier(3), one))
    with pytest.raises(ConfigError, match='test_cfg.gallery_dataloader: all clips are of one class'):
        SetupCheckHook().before_test(runner_of(make_method(), dataset, gallery=loader_of(one)))
    with ClipStore.create(one.store.path.parent / 'single', 'kinect20', ['a']) as writer:
        writer.add('x', 0, torch.randn(1, 9, 20, 3).numpy())
    single = SkeletonDataset(one.store.path.parent / 'single')
    with pytest.raises(ConfigError, match='test_dataloader: all clips are of one class'):
        SetupCheckHook().before_test(runner_of(make_method(), single))


def test_what_may_not_be_meant_is_said(make_store):
    store = make_store(layout='kinect20')
    train, test = SkeletonDataset(store, 'train'), SkeletonDataset(store, 'test')
    both, copy = SkeletonDataset(store), SkeletonDataset(make_store('copy', layout='kinect20'))
    for queries, says in ((test, []), (copy, []), (train, ['6 of its 6']), (both, ['6 of its 7'])):
        runner = runner_of(make_method(queue_size=7), queries, gallery=loader_of(train))
        SetupCheckHook().before_test(runner)
        assert len(runner.warnings) == len(says)
        assert all(text in warning for text, warning in zip(says, runner.warnings, strict=True))
    runner = runner_of(make_method(queue_size=7), train)
    runner.val_loop = None
    SetupCheckHook().before_train(runner)
    assert runner.warnings[0].startswith('model.queue_size=7 is more than the 6 training clips')


def test_checkpoints_are_compared_with_the_model():
    model = make_method()
    runner = SimpleNamespace(model=model)
    hook = SetupCheckHook()
    hook.after_load_checkpoint(runner, dict(state_dict=model.state_dict()))
    hook.after_load_checkpoint(runner, model.state_dict())
    other = make_method(queue_size=8).state_dict()
    with pytest.raises(CheckpointError, match=r'its bank.field_joint has shape \(8, 4\) instead of \(16, 4\)'):
        hook.after_load_checkpoint(runner, dict(state_dict=other))
    other = make_method(modalities=['motion']).state_dict()
    with pytest.raises(CheckpointError, match=r'it lacks encoder.joint.*Use the config \(and overrides\)'):
        hook.after_load_checkpoint(runner, dict(state_dict=other))
