import pytest
import torch
import torch.nn.functional as F

from mmskelssl.models.losses import info_nce, paired_similarity, similarity


def unit(*shape: int) -> torch.Tensor:
    return F.normalize(torch.randn(*shape), dim=-1)


@pytest.mark.parametrize('temperature', [0.05, 0.07, 1.0])
def test_loss_and_gradients_are_those_of_cross_entropy(temperature):
    positive, negatives = torch.randn(6, requires_grad=True), torch.randn(6, 40, requires_grad=True)
    loss = info_nce(positive, negatives, temperature)
    logits = torch.cat([positive[:, None], negatives], 1) / temperature
    expected = F.cross_entropy(logits, torch.zeros(6, dtype=torch.long))
    torch.testing.assert_close(loss, expected)
    wanted = torch.autograd.grad(expected, [positive, negatives])
    for got, want in zip(torch.autograd.grad(loss, [positive, negatives]), wanted, strict=True):
        torch.testing.assert_close(got, want)


def test_loss_by_hand():
    # -log(e / (e + 2))
    loss = info_nce(torch.tensor([1.0]), torch.zeros(1, 2), 1.0)
    assert loss.item() == pytest.approx(0.5514447, abs=1e-6)


def test_extreme_similarities_stay_finite():
    positive = torch.tensor([-1.0, 1.0], requires_grad=True)
    loss = info_nce(positive, torch.tensor([[1.0], [-1.0]]), 1e-3)
    loss.backward()
    assert loss.item() == pytest.approx(1000)  # mean of 2000 and 0
    assert positive.grad.tolist() == pytest.approx([-500, 0])


def test_similarities_by_loops():
    a, b = torch.randn(4, 5), torch.randn(3, 5)
    expected = torch.tensor([[sum(x * y for x, y in zip(p, q, strict=True)) for q in b.tolist()] for p in a.tolist()])
    torch.testing.assert_close(similarity(a, b), expected)
    torch.testing.assert_close(paired_similarity(a[:3], b), expected[:3].diagonal())


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast_does_not_reach_similarities(dtype):
    query, key, bank = unit(4, 16).requires_grad_(), unit(4, 16), unit(32, 16)
    exact = info_nce(paired_similarity(query, key), similarity(query, bank), 0.05)
    with torch.autocast('cpu', dtype):
        assert (query @ bank.T).dtype == dtype  # autocast is on
        loss = info_nce(paired_similarity(query, key), similarity(query, bank), 0.05)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, exact)
    loss.backward()
    assert query.grad.isfinite().all() and query.grad.any()


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_embeddings_give_float32(dtype):
    query, bank = unit(4, 16).to(dtype), unit(32, 16)
    assert torch.equal(similarity(query, bank), query.float() @ bank.T)
    assert torch.equal(paired_similarity(query, bank[:4]), (query.float() * bank[:4]).sum(1))
