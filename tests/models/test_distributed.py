import pytest
import torch
import torch.multiprocessing as mp
from torch import nn

from mmskelssl.models.distributed import any_rank, synchronize_batch_norm, unwrap_model

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


def _rank(rank, folder, options):
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/store', rank=rank, world_size=len(SHARES)
    )
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
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


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
