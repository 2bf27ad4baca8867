from types import SimpleNamespace

import pytest
import torch

from mmskelssl.datasets import SkeletonDataset
from mmskelssl.engine.hooks import SetupCheckHook, setup_check_hook
from mmskelssl.registry import MODELS
from mmskelssl.utils import CheckpointError

BACKBONE = dict(type='BiGRU', num_joints=20, num_persons=1, hidden_channels=8)


def make_method(**options):
    config = dict(type='SkeletonCLR', backbone=BACKBONE, neck=dict(type='ProjectionNeck'), layout='kinect20')
    return MODELS.build(config | dict(queue_size=16, feat_dim=4) | options)


def make_classifier(num_classes):
    head = dict(type='LinearHead', num_classes=num_classes)
    return MODELS.build(dict(type='SkeletonClassifier', backbone=BACKBONE, head=head, layout='kinect20'))


def runner_of(model, dataset, batch_size=8, accumulative_counts=1):
    loader = SimpleNamespace(dataset=dataset, batch_size=batch_size)
    loop = SimpleNamespace(dataloader=loader)
    return SimpleNamespace(
        model=model,
        train_dataloader=loader,
        val_loop=loop,
        test_loop=loop,
        optim_wrapper=SimpleNamespace(_accumulative_counts=accumulative_counts),
    )


STAGES = ('before_train', 'before_val', 'before_test')


@pytest.mark.parametrize('stage', STAGES)
def test_what_fits_passes(make_store, stage):
    dataset = SkeletonDataset(make_store(layout='kinect20'))
    for model in (make_method(), make_classifier(3)):
        getattr(SetupCheckHook(), stage)(runner_of(model, dataset))


@pytest.mark.parametrize('stage', STAGES)
def test_data_of_another_layout_is_refused(make_store, stage):
    store = make_store(layout='ntu25')
    with pytest.raises(ValueError) as error:
        getattr(SetupCheckHook(), stage)(runner_of(make_method(), SkeletonDataset(store)))
    assert f"{store} has layout 'ntu25', the model 'kinect20': set model.layout" in str(error.value)


@pytest.mark.parametrize('stage', STAGES)
def test_another_number_of_classes_is_refused(make_store, stage):
    dataset = SkeletonDataset(make_store(layout='kinect20'))
    with pytest.raises(ValueError, match=r'has 3 classes, but model.head.num_classes=4: set it to 3'):
        getattr(SetupCheckHook(), stage)(runner_of(make_classifier(4), dataset))


@pytest.mark.parametrize('stage', STAGES)
def test_datasets_of_another_kind_are_not_looked_at(stage):
    getattr(SetupCheckHook(), stage)(runner_of(make_method(), torch.utils.data.TensorDataset(torch.zeros(3))))


@pytest.mark.parametrize(
    ('batch_size', 'accumulative_counts', 'world_size', 'fits'),
    [(16, 1, 1, True), (17, 1, 1, False), (4, 4, 1, True), (6, 3, 1, False), (8, 1, 2, True), (5, 2, 2, False)],
)
def test_total_batch_has_to_fit_into_the_bank(
    make_store, monkeypatch, batch_size, accumulative_counts, world_size, fits
):
    monkeypatch.setattr(setup_check_hook, 'get_world_size', lambda: world_size)
    runner = runner_of(make_method(), SkeletonDataset(make_store(layout='kinect20')), batch_size, accumulative_counts)
    if fits:
        SetupCheckHook().before_train(runner)
        return
    total = batch_size * accumulative_counts * world_size
    with pytest.raises(ValueError) as error:
        SetupCheckHook().before_train(runner)
    assert f'model.queue_size=16 is smaller than a total batch of {total} keys' in str(error.value)
    assert f'({batch_size} x {world_size} processes x {accumulative_counts} accumulated)' in str(error.value)


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
    with pytest.raises(CheckpointError, match=r'it lacks encoder_q.joint.*Use the config \(and overrides\)'):
        hook.after_load_checkpoint(runner, dict(state_dict=other))
