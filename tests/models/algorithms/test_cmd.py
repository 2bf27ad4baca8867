from itertools import permutations

import pytest
import torch
import torch.nn.functional as F
from golden import assert_gradients, assert_losses, load_slice, to_view

MODALITIES = ['joint', 'motion', 'bone']


@pytest.fixture
def make(make_model):
    return lambda **options: make_model('CMD', **dict(num_neighbors=8) | options)


def divergence(model, teacher: str, student: str, num_neighbors: int, tau_t: float, tau_s: float) -> torch.Tensor:
    """The program's formula of one direction; queries are encoded anew, keys are those that the step left."""
    teaching = model.keys[teacher] @ model.bank[teacher].T
    learning = model.query[student] @ model.bank[student].T
    values, slots = teaching.topk(num_neighbors)
    log_student = (learning.gather(1, slots) / tau_s).log_softmax(1)
    return F.kl_div(log_student, (values / tau_t).softmax(1), reduction='batchmean')


def test_slice_of_the_official_program():
    golden, model = load_slice('cmd')
    view = to_view(golden['query']).double()
    losses = model.loss([view, view])
    assert_losses(losses, golden['losses'])
    sum(losses.values()).backward()
    assert_gradients('cmd', model.encoder['joint'], golden['grad_norms'])
    model.after_update([model.keys])
    torch.testing.assert_close(model.bank['joint'].T.float(), golden['queue_after'], atol=1e-6, rtol=1e-5)
    assert int(model.bank.pointer) == golden['queue_ptr_after']
    # Features were recorded after the step, which has moved the running statistics.
    feature = model.encoder['joint'].backbone.eval()(view).float()
    torch.testing.assert_close(feature, golden['features_eval']['joint'], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('modalities', [MODALITIES, ['joint', 'bone']])
@pytest.mark.parametrize('directions', [None, [('joint', 'bone')], [['bone', 'joint'], ['joint', 'bone']]])
def test_losses_written_out(make, views, modalities, directions):
    options = dict(teacher_temperature=0.03, student_temperature=0.2, temperature=0.1, distill_weight=0.7)
    model = make(modalities=modalities, directions=directions, **options).eval()
    losses = model(views, mode='loss')
    assert list(losses) == [*(f'loss_{a}' for a in modalities), 'loss_cmd']
    model.query = model.encode(model.encoder, views[0])
    for a in modalities:
        own = (model.query[a] * model.keys[a]).sum(1, keepdim=True)
        logits = torch.cat([own, model.query[a] @ model.bank[a].T], 1) / 0.1
        torch.testing.assert_close(losses[f'loss_{a}'], F.cross_entropy(logits, torch.zeros(6, dtype=torch.long)))
    pairs = directions or list(permutations(modalities, 2))
    expected = 0.7 * sum(divergence(model, a, b, 8, 0.03, 0.2) for a, b in pairs)
    torch.testing.assert_close(losses['loss_cmd'], expected)


def test_teacher_learns_nothing(make, views):
    model = make(modalities=MODALITIES, directions=[('joint', 'bone')])
    model(views, mode='loss')['loss_cmd'].backward()
    assert all(p.grad.any() for p in model.encoder['bone'].parameters() if p.ndim > 1)
    assert all(p.grad is None for a in ('joint', 'motion') for p in model.encoder[a].parameters())
    assert all(p.grad is None for p in model.encoder_k.parameters())


@pytest.mark.parametrize('options', [dict(directions=[]), dict(modalities=['bone'])])
def test_without_directions_only_contrast_is_left(make, views, options):
    model = make(**options)
    assert list(model(views, mode='loss')) == [f'loss_{a}' for a in model.streams]


def test_contrast_in_place_of_distillation(make, views):
    model = make(modalities=['joint', 'bone'], exchange='contrast', temperature=0.1, distill_weight=0.5).eval()
    losses = model(views, mode='loss')
    query = model.encode(model.encoder, views[0])
    expected = 0
    for a, b in (('joint', 'bone'), ('bone', 'joint')):
        own = (query[b] * model.keys[a]).sum(1, keepdim=True)
        logits = torch.cat([own, query[b] @ model.bank[a].T], 1) / 0.1
        expected += 0.5 * F.cross_entropy(logits, torch.zeros(6, dtype=torch.long))
    torch.testing.assert_close(losses['loss_cmd'], expected)


def test_two_stages(make, views):
    model = make(cross_epoch=3).eval()
    kinds = []
    for model.epoch in range(5):
        kinds.append('loss_cmd' in model(views, mode='loss'))
    assert kinds == [False, False, False, True, True]


@pytest.mark.parametrize('pair', [('joint', 'bone'), ('bone', 'bone'), ('joint', 'velocity'), ('joint',)])
def test_direction_of_absent_modalities_is_refused(make, pair):
    with pytest.raises(ValueError, match=r"directions: \(.*\) is not a \(teacher, student\) pair of .*'motion'"):
        make(modalities=['joint', 'motion'], directions=[pair])


@pytest.mark.parametrize('number', [0, 33])
def test_number_of_neighbours_must_fit_the_bank(make, number):
    with pytest.raises(ValueError, match=f'num_neighbors={number} neighbours of queue_size=32 keys'):
        make(num_neighbors=number)


def test_all_slots_may_be_neighbours(make, views):
    model = make(num_neighbors=32).eval()
    losses = model(views, mode='loss')
    model.query = model.encode(model.encoder, views[0])
    expected = sum(divergence(model, a, b, 32, 0.05, 0.1) for a, b in permutations(MODALITIES, 2))
    torch.testing.assert_close(losses['loss_cmd'], expected)


def test_unknown_exchange_is_refused(make):
    with pytest.raises(ValueError, match="exchange='mix' is neither 'distill' nor 'contrast'"):
        make(exchange='mix')
