"""MomentumUpdateHook and QueueEnqueueHook, which tell every model of updates."""

import copy
from collections import deque
from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModel, MMDistributedDataParallel
from torch import nn
from workshop import Toy, takes_views

from mmskelssl.engine.hooks import MomentumUpdateHook, QueueEnqueueHook
from mmskelssl.models import MemoryBank, distributed
from mmskelssl.registry import MODELS


class Banked(Toy):
    """Keeps what it is handed in a bank."""

    def __init__(self, size: int = 16) -> None:
        super().__init__()
        self.bank = MemoryBank(size, {'joint': 1, 'minus': 1})

    def after_update(self, batches):
        super().after_update(batches)
        self.bank.enqueue({name: torch.cat([batch[name] for batch in batches]) for name in self.bank.fields})


def batches(count: int, size: int = 2) -> list[dict]:
    return [dict(inputs=torch.arange(i * size, (i + 1) * size).float()[:, None]) for i in range(count)]


HOOKS = [dict(type='MomentumUpdateHook'), dict(type='QueueEnqueueHook')]


def test_before_loss_after_in_every_step(make_runner):
    model = Banked()
    make_runner(model, batches(3), HOOKS).train()
    assert model.events == [
        *(('before', []), ('loss', [0, 1]), ('after', [0, 1])),
        *(('before', []), ('loss', [2, 3]), ('after', [2, 3])),
        *(('before', []), ('loss', [4, 5]), ('after', [4, 5])),
    ]
    assert torch.equal(model.bank['minus'][:6], -model.bank['joint'][:6])


@pytest.mark.parametrize('hooks', [HOOKS, HOOKS[::-1]], ids=['as in configs', 'the other way round'])
def test_accumulation_is_one_update_of_all_its_batches(make_runner, hooks):
    model = Toy()
    # The last update of a run comes early, after two batches.
    make_runner(model, batches(10), hooks, accumulative_counts=4).train()
    names = [name for name, _ in model.events]
    step = ['before', 'loss', 'loss', 'loss', 'loss', 'after']
    assert names == [*step, *step, 'before', 'loss', 'loss', 'after']
    handed_over = [keys for name, keys in model.events if name == 'after']
    assert handed_over == [[*range(8)], [*range(8, 16)], [*range(16, 20)]]


def test_the_model_knows_the_epoch_from_the_first_step_on(make_runner):
    class Noting(Toy):
        def forward(self, *args, **kwargs):
            self.events.append(('epoch', [self.epoch]))
            return super().forward(*args, **kwargs)

    model = Noting()
    make_runner(model, batches(2), HOOKS, max_epochs=3).train()
    assert [value for name, value in model.events if name == 'epoch'] == [[0], [0], [1], [1], [2], [2]]


@pytest.mark.parametrize(('accumulated', 'updates'), [(1, [0, 1, 2, 3, 4, 5]), (2, [0, 0, 1, 1, 2, 2])])
def test_the_model_knows_how_many_updates_there_were(make_runner, accumulated, updates):
    class Noting(Toy):
        def forward(self, *args, **kwargs):
            self.events.append(('updates', [self.updates, self.max_updates]))
            return super().forward(*args, **kwargs)

    model = Noting()
    make_runner(model, batches(2), HOOKS, max_epochs=3, accumulative_counts=accumulated).train()
    assert [value for name, value in model.events if name == 'updates'] == [[n, updates[-1] + 1] for n in updates]


@pytest.mark.parametrize('size', [1, 3, 5, 7])
def test_queue_is_first_in_first_out_over_epochs(make_runner, size):
    model = Banked(size=7)
    make_runner(model, batches(4, size), HOOKS, max_epochs=2).train()
    reference = deque([*range(4 * size)] * 2, maxlen=7)
    assert model.bank['joint'].roll(-int(model.bank.pointer), 0).flatten().tolist() == list(reference)


def test_what_all_ranks_have_comes_in_the_order_of_one_process(make_runner, monkeypatch):
    """As if another rank had what this one has plus 100, but for the last clip."""

    def all_gather(tensor):
        if not tensor.ndim:
            return [tensor, tensor - 1]
        return [tensor, torch.cat([tensor[:-1] + 100 * tensor[:-1].sign(), 0 * tensor[-1:]])]

    model = Banked()
    monkeypatch.setattr(distributed, 'get_world_size', lambda: 2)
    monkeypatch.setattr(distributed, 'all_gather', all_gather)
    first, second = torch.tensor([[1.0], [2], [3]]), torch.tensor([[4.0]])
    make_runner(model, [dict(inputs=first), dict(inputs=second)], HOOKS).train()
    assert model.bank['joint'][:6].flatten().tolist() == [1, 101, 2, 102, 3, 4]
    assert model.bank['minus'][:6].flatten().tolist() == [-1, -101, -2, -102, -3, -4]
    assert int(model.bank.pointer) == 6


def test_accumulated_batches_are_one_large_batch(make_runner):
    """Without batch statistics, four batches of 3 accumulated are one batch of 12: weights, key encoders and bank."""
    model = MODELS.build(
        dict(
            type='SkeletonCLR',
            backbone=dict(type='RawCoordinates', num_frames=4),
            neck=dict(type='ProjectionNeck'),
            layout='kinect20',
            num_persons=1,
            modalities=['joint', 'bone'],
            queue_size=32,
            feat_dim=4,
            momentum=0.5,
        )
    )
    model = takes_views(model)
    twin = copy.deepcopy(model)
    views = torch.randn(2, 2, 12, 1, 4, 20, 3)
    samples = dict(labels=torch.zeros(12))
    large = [dict(inputs=list(pair), data_samples=samples) for pair in views]
    small = [
        dict(inputs=[view[i : i + 3] for view in pair], data_samples=samples) for pair in views for i in (0, 3, 6, 9)
    ]
    make_runner(model, large, HOOKS, lr=1.0).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    make_runner(twin, small, HOOKS, accumulative_counts=4, lr=1.0).train()
    assert int(twin.bank.pointer) == 24
    for key, value in twin.state_dict().items():
        torch.testing.assert_close(value, before[key], atol=1e-5, rtol=1e-5, msg=key)
    followers = zip(model.encoder.parameters(), model.encoder_k.parameters(), strict=True)
    assert max((query - key).abs().max() for query, key in followers) > 1e-4


def test_wrapped_models_are_found():
    model = Toy()
    # Its constructor asks for a process group.
    wrapper = MMDistributedDataParallel.__new__(MMDistributedDataParallel)
    nn.Module.__init__(wrapper)
    wrapper.module = model
    optim_wrapper = SimpleNamespace(should_update=lambda: True)
    runner = SimpleNamespace(
        model=wrapper, optim_wrapper=optim_wrapper, epoch=0, iter=5, max_iters=8, train_dataloader=[0, 1]
    )
    MomentumUpdateHook().before_train_iter(runner, 0)
    model(**batches(1)[0])
    QueueEnqueueHook().after_train_iter(runner, 0)
    assert [name for name, _ in model.events] == ['before', 'loss', 'after']
    assert model.epoch == 2  # a loop by iteration has one epoch; the data was gone through twice


def test_models_of_somebody_else_are_left_alone(make_runner):
    class Foreign(BaseModel):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))

        def forward(self, inputs, data_samples=None, mode='tensor'):
            return dict(loss=(self.weight * inputs).mean())

    model = Foreign()
    make_runner(model, batches(2), HOOKS).train()
    assert model.weight.item() == pytest.approx(1 - 0.1 * (0.5 + 2.5))
