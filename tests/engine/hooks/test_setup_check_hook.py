from contextlib import nullcontext as does_not_raise
from types import SimpleNamespace

import pytest
import torch

from mmskelssl.datasets import SkeletonDataset
from mmskelssl.engine.hooks import SetupCheckHook
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


def runner_of(model, dataset):
    loop = SimpleNamespace(dataloader=SimpleNamespace(dataset=dataset))
    return SimpleNamespace(model=model, train_dataloader=loop.dataloader, val_loop=loop, test_loop=loop)


STAGES = ('before_train', 'before_val', 'before_test')


@pytest.mark.parametrize('stage', STAGES)
def test_the_model_checks_the_data(stage):
    """What fits passes, and other data sets are not shown to it."""
    model, seen = make_method(), []
    model.check_data = seen.append
    dataset = SkeletonDataset.__new__(SkeletonDataset)
    getattr(SetupCheckHook(), stage)(runner_of(model, dataset))
    assert seen == [dataset]
    getattr(SetupCheckHook(), stage)(runner_of(model, torch.utils.data.TensorDataset(torch.zeros(3))))
    assert seen == [dataset]


@pytest.mark.parametrize('stage', STAGES)
@pytest.mark.parametrize('model', [make_method, lambda: make_classifier(3)])
def test_data_of_another_layout_is_refused(make_store, stage, model):
    check = getattr(SetupCheckHook(), stage)
    store = make_store(layout='ntu25')
    with pytest.raises(ConfigError) as error:
        check(runner_of(model(), SkeletonDataset(store)))
    assert f"{store} has layout 'ntu25', the model 'kinect20': set model.layout" in str(error.value)
    with does_not_raise():
        check(runner_of(model(), SkeletonDataset(make_store('fits', layout='kinect20'))))


@pytest.mark.parametrize('stage', STAGES)
def test_another_number_of_classes_is_refused(make_store, stage):
    dataset = SkeletonDataset(make_store(layout='kinect20'))
    with pytest.raises(ValueError, match=r'has 3 classes, but model.head.num_classes=4: set it to 3'):
        getattr(SetupCheckHook(), stage)(runner_of(make_classifier(4), dataset))


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
