"""MomentumUpdateHook and QueueEnqueueHook, which go together."""

import copy
from collections import deque
from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModel, MMDistributedDataParallel
from torch import nn

from mmskelssl.engine.hooks import MomentumUpdateHook, QueueEnqueueHook, queue_enqueue_hook
from mmskelssl.models import MemoryBank
from mmskelssl.registry import MODELS


class RecordingBank(MemoryBank):
    def __init__(self, size, fields, events):
        super().__init__(size, fields)
        self.events = events

    def enqueue(self, entries):
        super().enqueue(entries)
        self.events.append(('enqueue', entries['joint'].flatten().tolist()))


class Toy(BaseModel):
    """Its keys are the clips' own numbers; it notes what happens."""

    def __init__(self, size=16):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.events = []
        self.bank = RecordingBank(size, {'joint': 1, 'motion': 1}, self.events)
        self.keys = {}

    def momentum_update(self):
        self.events.append(('momentum', []))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        self.keys = dict(joint=inputs, motion=-inputs)
        self.events.append(('loss', inputs.flatten().tolist()))
        return dict(loss=(self.weight * inputs).mean())


def batches(count: int, size: int = 2) -> list[dict]:
    return [dict(inputs=torch.arange(i * size, (i + 1) * size).float()[:, None]) for i in range(count)]


HOOKS = [dict(type='MomentumUpdateHook'), dict(type='QueueEnqueueHook')]


def test_update_then_keys_then_enqueue_in_every_step(make_runner):
    model = Toy()
    make_runner(model, batches(3), HOOKS).train()
    assert model.events == [
        *(('momentum', []), ('loss', [0, 1]), ('enqueue', [0, 1])),
        *(('momentum', []), ('loss', [2, 3]), ('enqueue', [2, 3])),
        *(('momentum', []), ('loss', [4, 5]), ('enqueue', [4, 5])),
    ]
    assert torch.equal(model.bank['motion'][:6], -model.bank['joint'][:6])


@pytest.mark.parametrize('hooks', [HOOKS, HOOKS[::-1]], ids=['as in configs', 'the other way round'])
def test_accumulation_updates_once_and_enqueues_all_batches(make_runner, hooks):
    model = Toy()
    # The last update of a run comes early, after two batches.
    make_runner(model, batches(10), hooks, accumulative_counts=4).train()
    names = [name for name, _ in model.events]
    step = ['momentum', 'loss', 'loss', 'loss', 'loss', 'enqueue']
    assert names == [*step, *step, 'momentum', 'loss', 'loss', 'enqueue']
    enqueued = [keys for name, keys in model.events if name == 'enqueue']
    assert enqueued == [[*range(8)], [*range(8, 16)], [*range(16, 20)]]


@pytest.mark.parametrize('size', [1, 3, 5, 7])
def test_queue_is_first_in_first_out_over_epochs(make_runner, size):
    model = Toy(size=7)
    make_runner(model, batches(4, size), HOOKS, max_epochs=2).train()
    reference = deque([*range(4 * size)] * 2, maxlen=7)
    assert model.bank['joint'].roll(-int(model.bank.pointer), 0).flatten().tolist() == list(reference)


def test_keys_of_all_ranks_are_enqueued_in_the_order_of_one_process(make_runner, monkeypatch):
    """As if another rank had what this one has plus 100, but for the last clip."""

    def all_gather(tensor):
        if not tensor.ndim:
            return [tensor, tensor - 1]
        return [tensor, torch.cat([tensor[:-1] + 100 * tensor[:-1].sign(), 0 * tensor[-1:]])]

    model = Toy()
    monkeypatch.setattr(queue_enqueue_hook, 'all_gather', all_gather)
    first, second = torch.tensor([[1.0], [2], [3]]), torch.tensor([[4.0]])
    make_runner(model, [dict(inputs=first), dict(inputs=second)], HOOKS).train()
    assert model.bank['joint'][:6].flatten().tolist() == [1, 101, 2, 102, 3, 4]
    assert model.bank['motion'][:6].flatten().tolist() == [-1, -101, -2, -102, -3, -4]
    assert int(model.bank.pointer) == 6


def test_accumulated_batches_are_one_large_batch(make_runner):
    """Without batch statistics, four batches of 3 accumulated are one batch of 12: weights, key encoders and bank."""
    model = MODELS.build(
        dict(
            type='SkeletonCLR',
            backbone=dict(type='RawCoordinates', out_channels=240),
            neck=dict(type='ProjectionNeck'),
            layout='kinect20',
            modalities=['joint', 'bone'],
            queue_size=32,
            feat_dim=4,
            momentum=0.5,
        )
    )
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
    moved = [
        (q - k).abs().max() for q, k in zip(model.encoder_q.parameters(), model.encoder_k.parameters(), strict=True)
    ]
    assert max(moved) > 1e-4


def test_wrapped_models_are_found():
    model = Toy()
    # Its constructor asks for a process group.
    wrapper = MMDistributedDataParallel.__new__(MMDistributedDataParallel)
    nn.Module.__init__(wrapper)
    wrapper.module = model
    runner = SimpleNamespace(model=wrapper, optim_wrapper=SimpleNamespace(should_update=lambda: True))
    MomentumUpdateHook().before_train_iter(runner, 0)
    model(**batches(1)[0])
    QueueEnqueueHook().after_train_iter(runner, 0)
    assert [name for name, _ in model.events] == ['momentum', 'loss', 'enqueue']
