from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModel
from torch import nn
from torch.utils.data import Dataset

from mmskelssl.engine.hooks import finite_check_hook
from mmskelssl.engine.hooks.finite_check_hook import non_finite
from mmskelssl.utils import NonFiniteError

HOOKS = [dict(type='FiniteCheckHook')]


class Toy(BaseModel):
    """Clip 13 makes the loss NaN without a bad gradient, clip 17 only the gradient."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        x = (inputs[0] * self.weight).masked_fill(inputs[0] == 13, torch.nan)
        loss = x.square().mean()
        if (inputs[0] == 17).any():  # the root has an infinite slope at zero, which times zero is not a number
            loss = loss + ((self.weight - self.weight.detach()) * 0).sqrt().sum()
        return dict(loss=loss, loss_other=x.mean().detach() * 0)


class Batches(Dataset):
    """Batches of two clips each, n and n + 100."""

    def __init__(self, numbers, names=None):
        self.numbers = numbers
        if names:
            self.names = names

    def __len__(self):
        return len(self.numbers)

    def __getitem__(self, position):
        n = self.numbers[position]
        return dict(
            inputs=[torch.tensor([[float(n)], [n + 0.5]])],
            data_samples=dict(labels=torch.zeros(2, dtype=torch.long), index=torch.tensor([n, n + 100])),
        )


@pytest.fixture
def trained(make_runner):
    """Trains on numbered clips; gives the model and the error, if there was one."""

    def train(*numbers, accumulative_counts=1, names=None):
        model = Toy()
        runner = make_runner(model, Batches(numbers, names), HOOKS, accumulative_counts=accumulative_counts, seed=5)
        try:
            runner.train()
        except NonFiniteError as error:
            return SimpleNamespace(model=model, error=str(error))
        return SimpleNamespace(model=model, error=None)

    return train


@pytest.mark.parametrize(
    ('clip', 'problem'),
    [(13, 'the loss is not finite (loss, loss_other).'), (17, 'the gradient is not finite (weight).')],
)
def test_stops_before_anything_moves_and_names_the_step(trained, clip, problem):
    good, bad = trained(1, 2), trained(1, 2, clip, 3)
    assert good.error is None and good.model.weight != 1
    assert torch.equal(bad.model.weight, good.model.weight)
    assert bad.error.startswith(f'Iteration 3 (epoch 1, seed 5): {problem} ')
    assert 'docs/troubleshooting.md' in bad.error
    assert bad.error.endswith(f'Clips of this update: {clip}, {clip + 100}.')


def test_clips_have_names_where_the_data_set_has_them(trained):
    names = [f'S{number:03}' for number in range(200)]
    assert trained(13, names=names).error.endswith('Clips of this update: S013, S113.')


def test_a_bad_loss_stops_at_once_within_an_accumulated_update(trained):
    assert 'Iteration 4 ' in trained(1, 2, 3, 13, 4, 5, accumulative_counts=3).error
    # A gradient is seen at the end of the update, and the clips of all its batches are named.
    error = trained(1, 2, 3, 4, 17, 5, accumulative_counts=3).error
    assert 'Iteration 6 ' in error and error.endswith('Clips of this update: 4, 104, 17, 117, 5, 105.')


def test_overflow_of_a_loss_scale_is_not_a_bad_number(make_runner):
    """A scaler does not call the optimizer and lowers its scale; below 1 the gradient itself is bad."""
    runner = make_runner(Toy(), Batches([1, 2, 3]), HOOKS)
    scaler = SimpleNamespace(scale=4.0, is_enabled=lambda: True)
    scaler.get_scale = lambda: scaler.scale
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner.optim_wrapper.loss_scaler = scaler

    def step(**kwargs):
        scaler.scale /= 4

    runner.optim_wrapper.step = step
    with pytest.raises(NonFiniteError, match=r'Iteration 2 .*even at a loss scale of 1'):
        runner.train()


def test_fused_optimizers_skip_an_overflow_themselves(make_runner):
    model = Toy()
    runner = make_runner(model, Batches([17]), HOOKS)
    optimizer = dict(type='SGD', lr=0.1, fused=True)
    runner.optim_wrapper = runner.build_optim_wrapper(dict(type='OptimWrapper', optimizer=optimizer))
    # A loss scaler sets these before the step, and then the step moves nothing.
    runner.optim_wrapper.optimizer.found_inf = torch.ones(())
    runner.optim_wrapper.optimizer.grad_scale = torch.ones(())
    runner.train()
    assert model.weight.tolist() == [1]


def test_all_ranks_stop_together_and_name_the_clips_of_all(monkeypatch, make_runner):
    """This rank's numbers are finite, those of the other rank are not."""
    monkeypatch.setattr(finite_check_hook, 'any_rank', lambda flag: True)
    monkeypatch.setattr(finite_check_hook, 'all_gather_object', lambda own: [own, (['loss_other'], [8, 9])])
    model = Toy()
    runner = make_runner(model, Batches([1]), HOOKS)
    with pytest.raises(NonFiniteError, match=r'Iteration 1 .* not finite \(loss_other\)\. .*: 1, 101, 8, 9\.$'):
        runner.train()
    assert model.weight.tolist() == [1]


def test_non_finite_names_what_is_not():
    tensors = dict(a=torch.zeros(3), b=torch.tensor([1, torch.nan]), c=torch.empty(0), d=torch.tensor([-torch.inf]))
    assert non_finite(tensors) == ['b', 'd']
    assert non_finite(dict(large=torch.full((4,), 3e38))) == []
    assert non_finite({}) == []
