from types import SimpleNamespace

import pytest
import torch
from mmengine.model import MMDistributedDataParallel
from torch import nn

from mmskelssl.engine.hooks import EpochHook
from mmskelssl.models import algorithms
from mmskelssl.registry import MODELS

HOOKS = [dict(type='EpochHook'), dict(type='MomentumUpdateHook'), dict(type='QueueEnqueueHook')]
SAVE = dict(type='CheckpointHook', interval=1)


@pytest.fixture
def stages(monkeypatch):
    """Epoch and stage of every step of CrosSCLR, as it happens."""
    seen = []
    loss, mine = algorithms.CrosSCLR.loss, algorithms.CrosSCLR.mine

    def noted_loss(self, *args):
        seen.append([self.epoch, 1])
        return loss(self, *args)

    def noted_mine(self, *args):
        seen[-1][1] = 2
        return mine(self, *args)

    monkeypatch.setattr(algorithms.CrosSCLR, 'loss', noted_loss)
    monkeypatch.setattr(algorithms.CrosSCLR, 'mine', noted_mine)
    return seen


def crossclr(cross_epoch: int) -> nn.Module:
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='CrosSCLR',
            backbone=dict(type='RawCoordinates', out_channels=240),
            neck=dict(type='ProjectionNeck'),
            modalities=['joint', 'bone'],
            cross_epoch=cross_epoch,
            layout='kinect20',
            queue_size=16,
            feat_dim=4,
        )
    )


@pytest.fixture
def batches():
    samples = dict(labels=torch.zeros(4))
    return [dict(inputs=list(torch.randn(2, 4, 1, 4, 20, 3)), data_samples=samples) for _ in range(3)]


@pytest.mark.parametrize(('cross_epoch', 'expected'), [(0, [2, 2, 2]), (1, [1, 2, 2]), (2, [1, 1, 2]), (3, [1, 1, 1])])
def test_stage_changes_at_its_epoch(make_runner, stages, batches, cross_epoch, expected):
    make_runner(crossclr(cross_epoch), batches, HOOKS, max_epochs=3).train()
    assert stages == [[epoch, stage] for epoch, stage in enumerate(expected) for _ in batches]


@pytest.mark.parametrize('cross_epoch', [1, 2])
def test_resumed_run_is_in_the_stage_of_its_epoch(make_runner, stages, batches, tmp_path, cross_epoch):
    whole = crossclr(cross_epoch)
    make_runner(whole, batches, [*HOOKS, SAVE], max_epochs=3).train()
    assert (tmp_path / 'work' / 'epoch_3.pth').exists()

    for first in (1, 2):
        stages.clear()
        model = crossclr(cross_epoch)
        checkpoint = str(tmp_path / 'work' / f'epoch_{first}.pth')
        # MMEngine shuffles nothing here, so the resumed run sees the same batches.
        make_runner(model, batches, HOOKS, max_epochs=3, load_from=checkpoint, resume=True).train()
        rest = range(first, 3)
        assert stages == [[epoch, 1 + (epoch >= cross_epoch)] for epoch in rest for _ in batches]
        for key, value in model.state_dict().items():
            torch.testing.assert_close(value, whole.state_dict()[key], msg=key)


def test_wrapped_models_are_found():
    model = nn.Linear(1, 1)
    # Its constructor asks for a process group.
    wrapper = MMDistributedDataParallel.__new__(MMDistributedDataParallel)
    nn.Module.__init__(wrapper)
    wrapper.module = model
    EpochHook().before_train_epoch(SimpleNamespace(model=wrapper, epoch=7))
    assert model.epoch == 7
