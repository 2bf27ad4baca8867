"""FiniteCheckHook: stops or skips, leaves no trace, and writes what is needed to see the step again."""

import copy
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModel
from torch import nn

from mmskelssl.engine import step_record, utils
from mmskelssl.engine.hooks import FiniteCheckHook, queue_enqueue_hook
from mmskelssl.engine.step_record import non_finite, random_state, set_random_state
from mmskelssl.models import MemoryBank
from mmskelssl.utils import NonFiniteError
from mmskelssl.utils.checkpoint import load_checkpoint_file

HOOKS = [dict(type='FiniteCheckHook'), dict(type='QueueEnqueueHook')]


class Toy(BaseModel):
    """A clip whose number is 13 makes the loss NaN, and no gradient; 17 the gradient alone."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(1)
        self.weight = nn.Parameter(torch.ones(1))
        self.bank = MemoryBank(64, {'joint': 1})
        self.keys = {}

    def forward(self, inputs, data_samples=None, mode='tensor'):
        self.keys = dict(joint=inputs[0])
        x = self.norm(inputs[0]) * self.weight
        x = x.masked_fill(inputs[0] == 13, torch.nan)
        loss = x.square().mean()
        if (inputs[0] == 17).any():  # the root has an infinite slope at zero, which times zero is no number
            loss = loss + ((self.weight - self.weight.detach()) * 0).sqrt().sum()
        return dict(loss=loss, loss_other=x.mean().detach() * 0)


def batches(*numbers, size=2):
    return [
        dict(inputs=[torch.tensor([[float(n)], [n + 0.5]])], data_samples=dict(index=torch.tensor([n, n + 100])))
        for n in numbers
    ]


def state(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def assert_same(state, other):
    for name, value in state.items():
        assert torch.equal(value, other[name]), name


@pytest.fixture
def trained(make_runner):
    """Trains on numbered clips and gives the model, the runner and the error, if there was one."""

    def train(*numbers, max_skipped=0, accumulative_counts=1):
        torch.manual_seed(0)
        model = Toy()
        hooks = [dict(HOOKS[0], max_skipped=max_skipped), HOOKS[1]]
        runner = make_runner(model, batches(*numbers), hooks, accumulative_counts=accumulative_counts)
        error = None
        try:
            runner.train()
        except NonFiniteError as caught:
            error = str(caught)
        return SimpleNamespace(model=model, runner=runner, error=error)

    return train


@pytest.mark.parametrize(('clip', 'problem'), [(13, 'the loss is not finite'), (17, 'the gradient is not finite')])
def test_stops_before_anything_moves(trained, clip, problem, tmp_path):
    good, bad = trained(1, 2), trained(1, 2, clip, 3)
    assert good.error is None
    assert 'Iteration 3 (epoch 1): ' in bad.error and problem.split()[1] in bad.error and 'docs/' in bad.error
    assert torch.equal(bad.model.weight, good.model.weight)
    assert torch.equal(bad.model.bank['joint'], good.model.bank['joint'])
    folder = tmp_path / 'work' / 'bad_numbers'
    assert sorted(path.name for path in folder.iterdir()) == ['iter_3.json', 'iter_3.pth']
    report = json.loads((folder / 'iter_3.json').read_text())
    assert [row['index'] for row in report['clips']] == [clip, clip + 100]
    assert report['iteration'] == 3 and report['epoch'] == 0 and str(folder / 'iter_3.pth') in report['replay']
    if clip == 13:
        assert report['losses'] == dict(loss='nan', loss_other='nan')
    else:
        assert report['gradients'] == ['weight']
    recorded = load_checkpoint_file(folder / 'iter_3.pth')
    assert torch.equal(recorded['state_dict']['weight'], good.model.weight)
    assert recorded['steps'][0]['inputs'][0].tolist() == [[clip], [clip + 0.5]]


@pytest.mark.parametrize('clip', [13, 17])
def test_a_skipped_update_leaves_no_trace(trained, clip):
    skipping = trained(1, 2, clip, 3, clip, 4, max_skipped=2)
    assert skipping.error is None
    assert_same(state(trained(1, 2, 3, 4).model), state(skipping.model))
    assert skipping.runner.message_hub.get_info('skipped_updates') == 2


def test_skips_are_bounded(trained):
    run = trained(13, 1, 17, 2, 13, max_skipped=2)
    assert 'Iteration 5' in run.error and '2 updates were skipped before' in run.error
    good = trained(1, 2).model
    assert torch.equal(run.model.weight, good.weight) and torch.equal(run.model.bank['joint'], good.bank['joint'])


@pytest.mark.parametrize('clip', [13, 17])
@pytest.mark.parametrize('place', range(3))
def test_a_bad_batch_skips_the_whole_accumulated_update(trained, clip, place):
    update = [5, 6]
    update.insert(place, clip)
    skipping = trained(1, 2, 3, *update, 7, 8, 9, max_skipped=1, accumulative_counts=3)
    assert skipping.error is None
    assert_same(state(trained(1, 2, 3, 7, 8, 9, accumulative_counts=3).model), state(skipping.model))


def test_a_bad_loss_stops_at_once_within_an_accumulated_update(trained):
    assert 'Iteration 4 ' in trained(1, 2, 3, 13, 4, 5, accumulative_counts=3).error
    # A gradient shows at the end of the update, and all its batches are named.
    run = trained(1, 2, 3, 4, 17, 5, accumulative_counts=3)
    assert 'Iteration 6 ' in run.error
    report = json.loads(Path(run.runner.work_dir, 'bad_numbers', 'iter_6.json').read_text())
    assert [row['index'] for row in report['clips']] == [4, 104, 17, 117, 5, 105]


def test_overflow_of_a_loss_scale_is_no_bad_number(make_runner):
    """A scaler keeps the optimizer from stepping and lowers its scale; below 1 the gradient itself is bad."""
    runner = make_runner(Toy(), batches(1, 2, 3), HOOKS)
    scaler = SimpleNamespace(scale=4.0, is_enabled=lambda: True)
    scaler.get_scale = lambda: scaler.scale
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    wrapper = runner.optim_wrapper
    wrapper.loss_scaler = scaler

    def step(**kwargs):
        scaler.scale /= 4

    wrapper.step = step
    with pytest.raises(NonFiniteError, match=r'Iteration 2 .*a loss scale of 1 either'):
        runner.train()


def test_fused_optimizers_judge_a_loss_scale_themselves(make_runner):
    model = Toy()
    runner = make_runner(model, batches(17), HOOKS)
    optimizer = dict(type='SGD', lr=0.1, fused=True)
    runner.optim_wrapper = runner.build_optim_wrapper(dict(type='OptimWrapper', optimizer=optimizer))
    # What a loss scaler sets before the step, and why the step then moves nothing.
    runner.optim_wrapper.optimizer.found_inf = torch.ones(())
    runner.optim_wrapper.optimizer.grad_scale = torch.ones(())
    runner.train()
    assert model.weight.tolist() == [1]


def test_all_ranks_stop_together_and_rows_are_in_the_order_of_the_data(monkeypatch, make_runner):
    """This rank is fine, the other is not."""
    monkeypatch.setattr(utils, 'get_world_size', lambda: 2)
    monkeypatch.setattr(utils, 'all_reduce', lambda flags, op: flags.fill_(1))
    monkeypatch.setattr(queue_enqueue_hook, 'all_gather', lambda keys: [keys])

    def other_as_well(own):
        other = copy.deepcopy(own)
        for batch in other:
            batch['rank'] = 1
            batch['data_samples']['index'] = batch['data_samples']['index'][:1] + 1
            batch['inputs'][0][0] = torch.nan
        return [own, other]

    monkeypatch.setattr(step_record, 'all_gather_object', other_as_well)
    runner = make_runner(Toy(), batches(1), HOOKS)
    with pytest.raises(NonFiniteError, match='Iteration 1 '):
        runner.train()
    report = json.loads(Path(runner.work_dir, 'bad_numbers', 'iter_1.json').read_text())
    rows = [(row['rank'], row['index'], row['views_are_finite']) for row in report['clips']]
    assert rows == [(0, 1, True), (1, 2, False), (0, 101, True)]


def test_non_finite_names_what_is_not():
    tensors = dict(a=torch.zeros(3), b=torch.tensor([1, torch.nan]), c=torch.empty(0), d=torch.tensor([-torch.inf]))
    assert non_finite(tensors) == ['b', 'd']
    assert non_finite(dict(large=torch.full((4,), 3e38))) == []
    assert non_finite({}) == []


def test_random_state_goes_back():
    state = random_state()
    drawn = torch.rand(3)
    set_random_state(state)
    assert torch.equal(torch.rand(3), drawn)


def test_a_negative_bound_is_refused():
    with pytest.raises(ValueError, match='max_skipped=-1'):
        FiniteCheckHook(max_skipped=-1)
