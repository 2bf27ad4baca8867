import json
from collections import deque
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.model import BaseModel
from mmengine.runner.priority import get_priority
from torch import nn

from mmskelssl.engine.hooks import CollapseMonitorHook, QueueEnqueueHook
from mmskelssl.engine.hooks.collapse_monitor_hook import BankCycle, true_share
from mmskelssl.models import MemoryBank


class Toy(BaseModel):
    """Its keys are what the batch says; the bank's first vectors are far from all of them."""

    num_aggregated = 2

    def __init__(self, size=8):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.bank = MemoryBank(size, {'joint': 3, 'joint_hidden': 1})
        self.bank['joint'].copy_(torch.tensor([0.0, 0, 1]))
        self.keys = {}

    def forward(self, inputs, data_samples=None, mode='tensor'):
        self.keys = dict(joint=inputs, joint_hidden=inputs[:, :1])
        return dict(loss=self.weight.sum())


def batch(angles, labels=None):
    angles = torch.tensor(angles).deg2rad()
    samples = {} if labels is None else dict(data_samples=dict(labels=torch.tensor(labels)))
    return dict(inputs=torch.stack([angles.cos(), angles.sin(), 0 * angles], 1), **samples)


@pytest.fixture
def monitored(make_runner, monkeypatch):
    """Trains an epoch on batches and gives the logged rows, the warnings and the model."""

    def train(batches, **options):
        # A loader over a list of ready batches does not know how many clips are in one.
        cycle = BankCycle(8, len(batches[0]['inputs']), sum(len(batch['inputs']) for batch in batches))
        monkeypatch.setattr(BankCycle, 'of', lambda loader, size: cycle)
        hooks = [dict(type='CollapseMonitorHook', interval=1, **options), dict(type='QueueEnqueueHook')]
        runner = make_runner(Toy(), batches, hooks)
        warnings = []
        runner.logger.warning = warnings.append
        runner.train()
        (path,) = Path(runner.work_dir).glob(f'{runner.timestamp}/vis_data/scalars.json')
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        return SimpleNamespace(rows={row['step']: row for row in rows}, warnings=warnings, model=runner.model)

    return train


def test_measures_the_bank_as_the_step_saw_it(monitored):
    run = monitored(
        [batch([0.0, 90], [0, 1]), batch([180.0, 270], [2, 3]), batch([10.0, 100], [0, 2]), batch([0.0, 0], [0, 0])],
        num_neighbors=1,
    )
    rows = run.rows
    assert sorted(rows) == [2, 3, 4]  # the bank holds nothing before the first step
    assert rows[2]['monitor/joint_spread'] == pytest.approx(0.5**0.5)
    assert rows[2]['monitor/joint_true_neighbours'] == 0
    assert rows[3]['monitor/joint_spread'] == pytest.approx(1)
    assert rows[3]['monitor/joint_rank'] == pytest.approx(2)
    assert rows[3]['monitor/joint_true_neighbours'] == 0.5  # of 10° and 100°, the first has its own label nearest
    assert rows[4]['monitor/joint_true_neighbours'] == 1
    assert [rows[i]['monitor/bank_age_steps'] for i in (2, 3, 4)] == [1, 2, 3]
    assert rows[4]['monitor/bank_age_epochs'] == 3 / 4 and rows[4]['iter'] == 4
    assert not any('hidden' in key for key in rows[4])
    assert not run.warnings


def test_neighbours_are_as_many_as_the_method_mines(monitored):
    rows = monitored([batch([0.0, 90], [0, 1]), batch([1.0, 2], [0, 0])]).rows
    assert rows[2]['monitor/joint_true_neighbours'] == 0.5


def test_without_labels_there_is_no_share(monitored):
    rows = monitored([batch([0.0, 90]), batch([0.0, 90])]).rows
    assert 'monitor/joint_true_neighbours' not in rows[2] and rows[2]['monitor/joint_rank'] > 1


def test_collapse_is_warned_about_when_it_begins(monitored):
    apart, same = batch([0.0, 120]), batch([5.0, 5])
    run = monitored([apart, same, same, same, apart, same, same], window=2, begin=0, min_rank=1.5)
    warnings = run.warnings
    assert len(warnings) == 2
    assert 'The embeddings of joint have collapsed: the newest 2 keys have spread 0 ' in warnings[0]
    assert 'effective rank 1.' in warnings[0] and 'docs/troubleshooting.md' in warnings[0]
    assert not monitored([same, same], window=2, begin=1).warnings  # not in the first epoch


def test_labels_stay_outside_the_model(monitored):
    """What a checkpoint holds and what a step computes is the same with any labels."""
    runs = [([0, 1], [1, 0]), ([5, 5], [7, 7])]
    first, second = (
        monitored([batch([0.0, 90], a), batch([20.0, 70], b)]).model.state_dict() for a, b in runs
    )  # fmt: skip
    assert set(first) == {'weight', 'bank.pointer', 'bank.field_joint', 'bank.field_joint_hidden'}
    assert int(first['bank.pointer']) == 4
    for key in ('weight', 'bank.pointer', 'bank.field_joint'):
        assert torch.equal(first[key], second[key])


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 30), st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_cycle_against_a_queue(size, step_keys, epoch_keys, steps):
    cycle = BankCycle(size, step_keys, epoch_keys)
    queue, number = deque(maxlen=size), 0
    while number < steps:
        for first in range(0, epoch_keys, step_keys):
            if number < steps:
                queue.extend([number] * min(step_keys, epoch_keys - first))
                number += 1
    assert min(cycle.keys_at(steps), size) == len(queue)
    if queue:
        assert cycle.age_at(steps) == steps - queue[0]


def test_cycle_of_a_loader():
    loader = torch.utils.data.DataLoader(range(10), batch_size=4)
    assert vars(BankCycle.of(loader, 7)) == dict(size=7, step_keys=4, epoch_keys=10, epoch_steps=3)
    loader = torch.utils.data.DataLoader(range(10), batch_size=4, drop_last=True)
    assert BankCycle.of(loader, 7).epoch_keys == 8


def test_true_share():
    bank = F.normalize(torch.tensor([[1.0, 0], [0.9, 0.1], [0, 1], [-1, 0]]), dim=1)
    keys = torch.tensor([[1.0, 0], [0, 1]])
    labels = torch.tensor([0, 2])
    assert true_share(keys, bank, labels, torch.tensor([0, 1, 2, 3]), 2) == 0.5
    assert true_share(keys, bank, labels, torch.tensor([0, -1, 2, -1]), 2) == 1  # unknown ones are left out
    assert true_share(keys, bank, labels, torch.full((4,), -1), 2) is None
    assert true_share(keys, bank, torch.tensor([-1, -1]), torch.tensor([0, 1, 2, 3]), 2) is None


def test_it_comes_before_the_enqueue():
    assert get_priority(CollapseMonitorHook.priority) < get_priority(QueueEnqueueHook.priority)
