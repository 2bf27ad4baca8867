import math

import pytest
import torch
import torch.nn.functional as F

from mmskelssl.models.losses import info_nce, log_partition, multi_bank_info_nce


@pytest.mark.parametrize('sizes', [(40,), (40, 40), (3, 17, 30)])
@pytest.mark.parametrize('temperature', [0.05, 0.07, 1.0])
def test_loss_and_gradients_are_those_of_cross_entropy_over_all_banks(sizes, temperature):
    positive = torch.randn(6, requires_grad=True)
    banks = [torch.randn(6, size, requires_grad=True) for size in sizes]
    loss = multi_bank_info_nce(positive, [log_partition(bank, temperature) for bank in banks], temperature)
    logits = torch.cat([positive[:, None], *banks], 1) / temperature
    expected = F.cross_entropy(logits, torch.zeros(6, dtype=torch.long))
    torch.testing.assert_close(loss, expected)
    gradients, wanted = (torch.autograd.grad(x, [positive, *banks]) for x in (loss, expected))
    for got, want in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(got, want)


def test_one_bank_is_info_nce():
    positive, negatives = torch.randn(6), torch.randn(6, 40)
    loss = multi_bank_info_nce(positive, [log_partition(negatives, 0.07)], 0.07)
    assert torch.equal(loss, info_nce(positive, negatives, 0.07))


def test_partition_by_hand():
    negatives = torch.tensor([[math.log(1), math.log(2)], [math.log(3), math.log(4)]])
    torch.testing.assert_close(log_partition(negatives, 1.0), torch.tensor([3.0, 7.0]).log())
    torch.testing.assert_close(log_partition(negatives, 0.5), torch.tensor([5.0, 25.0]).log())


def test_a_partition_serves_several_losses():
    """As MMCV uses it: the gradient is the sum over them."""
    first, second, bank = torch.randn(6), torch.randn(6), torch.randn(6, 40, requires_grad=True)
    past = log_partition(bank, 0.07)
    shared = sum(multi_bank_info_nce(positive, [past], 0.07) for positive in (first, second))
    apart = sum(info_nce(positive, bank, 0.07) for positive in (first, second))
    torch.testing.assert_close(*(torch.autograd.grad(x, bank)[0] for x in (shared, apart)))
