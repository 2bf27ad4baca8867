import pytest
import torch
import torch.multiprocessing as mp
from torch import nn

from mmskelssl.models.distributed import (
    BatchSplitDataParallel,
    any_rank,
    gather_clips,
    gather_rows,
    synchronize_batch_norm,
    unwrap_model,
)
from mmskelssl.registry import MODELS
from mmskelssl.utils import register_all_modules

SHARES = [3, 0, 1]  # clips of each process


def _norm(affine=True, momentum=0.1):
    torch.manual_seed(0)
    norm = nn.BatchNorm1d(4, affine=affine, momentum=momentum).double()
    for parameter in norm.parameters():
        nn.init.normal_(parameter)
    return norm


def _data():
    generator = torch.Generator().manual_seed(1)
    return (5 + torch.randn(sum(SHARES), 4, 6, generator=generator, dtype=torch.float64)).requires_grad_()


def _join(rank, folder, number):
    torch.distributed.init_process_group('gloo', init_method=f'file://{folder}/store', rank=rank, world_size=number)


def _leave():
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def _rank(rank, folder, options):
    _join(rank, folder, len(SHARES))
    norm = synchronize_batch_norm(_norm(**options))
    x = _data()
    output = norm(x.split(SHARES)[rank])
    # The sum over processes of what each makes of its own clips.
    output.pow(3).sum().backward()
    gradients = [x.grad, *(p.grad for p in norm.parameters())]
    for gradient in gradients:
        torch.distributed.all_reduce(gradient)
    norm.eval()
    state = norm.state_dict() | dict(still=norm(x[:2]).detach(), gradients=gradients, output=output.detach())
    torch.save(state, f'{folder}/{rank}.pth')
    _leave()


@pytest.mark.parametrize('options', [{}, dict(affine=False, momentum=None)])
def test_batch_statistics_of_all_processes(tmp_path, options):
    mp.spawn(_rank, (str(tmp_path), options), nprocs=len(SHARES))
    norm, x = _norm(**options), _data()
    whole = norm(x)
    whole.pow(3).sum().backward()
    expected = [x.grad, *(p.grad for p in norm.parameters())]
    norm.eval()
    for rank, part in enumerate(whole.detach().split(SHARES)):
        state = torch.load(tmp_path / f'{rank}.pth')
        torch.testing.assert_close(state.pop('output'), part)
        torch.testing.assert_close(state.pop('gradients'), expected)
        torch.testing.assert_close(state.pop('still'), norm(x[:2]).detach())
        torch.testing.assert_close(state, dict(norm.state_dict()), check_dtype=True)


def _vote(rank, folder):
    torch.distributed.init_process_group('gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2)
    torch.save([any_rank(rank == 1), any_rank(False)], f'{folder}/{rank}.pth')
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def test_a_flag_of_one_process_is_seen_by_all(tmp_path):
    mp.spawn(_vote, (str(tmp_path),), nprocs=2)
    assert [torch.load(tmp_path / f'{rank}.pth') for rank in (0, 1)] == [[True, False]] * 2
    assert any_rank(True) and not any_rank(False)


def test_a_model_without_a_wrapper_is_itself():
    model = nn.Linear(1, 1)
    assert unwrap_model(model) is model


def test_one_process_is_torch_itself():
    norm, twin = _norm(), synchronize_batch_norm(_norm())
    x = _data()
    assert torch.equal(norm(x), twin(x))
    assert all(torch.equal(a, b) for a, b in zip(norm.buffers(), twin.buffers(), strict=True))


# Gathering. Clips are dealt out in turn, so that shares differ by at most one.

DECORRELATION = ['BarlowTwins', 'VICReg']


def _method(kind):
    torch.manual_seed(0)
    neck = dict(type='ProjectionNeck', num_layers=3, hidden_channels=6, batch_norm=True)
    backbone = dict(type='BiGRU', hidden_channels=4, num_layers=1)
    options = dict(modalities=['joint', 'motion'], layout='kinect20', num_persons=1, feat_dim=5)
    return MODELS.build(dict(type=kind, backbone=backbone, neck=neck, **options)).double()


def _views(clips):
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(clips, 1, 6, 20, 3, generator=generator, dtype=torch.float64) for _ in range(2)]


def _gathering_rank(rank, folder, number, clips):
    _join(rank, folder, number)
    register_all_modules()
    rows = torch.arange(3 * clips).view(clips, 3).double()[rank::number].requires_grad_()
    gathered = gather_clips(rows)
    # A loss that every rank computes alike.
    weight = torch.arange(gathered.numel()).view_as(gathered).double()
    (weight * gathered.square()).sum().backward()
    state = dict(gathered=gathered.detach(), rows=gather_rows(rows.detach()), gradient=rows.grad)
    for kind in DECORRELATION:
        model = BatchSplitDataParallel(_method(kind))
        losses = model([view[rank::number] for view in _views(clips)], mode='loss')
        sum(losses.values()).backward()
        module = model.module
        state[kind] = dict(
            losses={name: loss.detach() for name, loss in losses.items()},
            gradients={name: parameter.grad for name, parameter in module.named_parameters()},
            embeddings=module.embeddings,
            buffers=dict(module.named_buffers()),
        )
    torch.save(state, f'{folder}/{rank}.pth')
    _leave()


@pytest.mark.parametrize(
    ('number', 'clips'),
    [(2, 7), pytest.param(2, 8, marks=pytest.mark.slow), pytest.param(3, 5, marks=pytest.mark.slow)],
)
def test_gathered_clips_and_statistics_of_the_batch_are_those_of_one_process(tmp_path, number, clips):
    mp.spawn(_gathering_rank, (str(tmp_path), number, clips), nprocs=number)
    ranks = [torch.load(tmp_path / f'{rank}.pth') for rank in range(number)]
    whole = torch.arange(3 * clips).view(clips, 3).double()
    gradient = number * 2 * whole * torch.arange(3 * clips).view(clips, 3)  # data parallelism takes the mean
    exact = dict(atol=1e-9, rtol=1e-9)
    for rank, state in enumerate(ranks):
        assert torch.equal(state['gathered'], whole) and torch.equal(state['rows'], whole)
        torch.testing.assert_close(state['gradient'], gradient[rank::number], **exact)
    for kind in DECORRELATION:
        model = _method(kind)
        losses = model(_views(clips), mode='loss')
        sum(losses.values()).backward()
        for name, loss in losses.items():
            # What a rank gives is weighted by its share of the clips; the mean over ranks is what is logged.
            mean = sum(state[kind]['losses'][name] for state in ranks) / number
            torch.testing.assert_close(mean, loss.detach(), **exact)
        for state in ranks:
            for name, parameter in model.named_parameters():
                torch.testing.assert_close(state[kind]['gradients'][name], parameter.grad, **exact, msg=name)
            torch.testing.assert_close(state[kind]['embeddings'], model.embeddings, **exact)
            torch.testing.assert_close(state[kind]['buffers'], dict(model.named_buffers()), **exact)


def test_gathering_of_one_process_is_nothing():
    x = torch.randn(3, 2, requires_grad=True)
    assert gather_clips(x) is x and gather_rows(x) is x
