import math

import pytest
import torch

from mmskelssl.models.losses import positive_mining


def slow(positive, student, teacher, topk, temperature, context):
    """Clip by clip as in CrosSCLR's program: mean of the log-softmax over a mask of positives."""
    losses = []
    for pos, own, other in zip(positive, student, teacher, strict=True):
        nearest = sorted(range(len(other)), key=lambda slot: -other[slot].item())[:topk]
        logits, is_positive = [pos], [True]
        for slot in range(len(own)):
            logits.append(own[slot])
            is_positive.append(slot in nearest)
        if context:
            for slot in range(len(own)):
                logits.append(own[slot] * other[slot])
                is_positive.append(slot in nearest)
        log_sum = torch.stack([logit / temperature for logit in logits]).logsumexp(0)
        chosen = [logit / temperature - log_sum for logit, yes in zip(logits, is_positive, strict=True) if yes]
        losses.append(-sum(chosen) / len(chosen))
    return sum(losses) / len(losses)


@pytest.fixture
def similarities():
    """Positive (5,), student (5, 20) and teacher (5, 20), between -1 and 1."""
    return [(torch.rand(*shape, dtype=torch.float64) * 2 - 1).requires_grad_() for shape in [(5,), (5, 20), (5, 20)]]


@pytest.mark.parametrize('context', [True, False])
@pytest.mark.parametrize('topk', [1, 3, 20])
def test_loss_and_gradients_are_those_of_the_official_formula(similarities, topk, context):
    loss = positive_mining(*similarities, topk, 0.07, context)
    expected = slow(*similarities, topk, 0.07, context)
    torch.testing.assert_close(loss, expected)
    gradients, wanted = (torch.autograd.grad(x, similarities, allow_unused=True) for x in (loss, expected))
    for got, want in zip(gradients, wanted, strict=True):
        assert (got is None) == (want is None)
        if want is not None:
            torch.testing.assert_close(got, want)
    # The choice of neighbours has no gradient; the context has one.
    assert (gradients[2] is not None) == context


def test_loss_by_hand():
    # Logits 0, own (0, ln 2) and, with the context of the other's (1, 0), (0, 0); slot 0 is mined.
    positive, student, teacher = torch.zeros(1), torch.tensor([[0.0, math.log(2)]]), torch.tensor([[1.0, 0.0]])
    plain = positive_mining(positive, student, teacher, 1, 1.0, context=False)
    assert plain.item() == pytest.approx(math.log(1 + 1 + 2))
    assert positive_mining(positive, student, teacher, 1, 1.0).item() == pytest.approx(math.log(4 + 1 + 1))


def test_slots_have_no_order(similarities):
    positive, student, teacher = similarities
    order = torch.randperm(20)
    loss = positive_mining(positive, student, teacher, 3, 0.07)
    torch.testing.assert_close(positive_mining(positive, student[:, order], teacher[:, order], 3, 0.07), loss)
    assert abs(positive_mining(positive, student[:, order], teacher, 3, 0.07) - loss) > 1e-3


def test_extreme_similarities_stay_finite():
    student = torch.tensor([[1.0, -1.0]], requires_grad=True)
    loss = positive_mining(torch.tensor([-1.0]), student, -student.detach(), 1, 1e-3)
    loss.backward()
    # Logits / τ: -1000, (1000, -1000), (-1000, -1000); mined is slot 1.
    assert loss.item() == pytest.approx(2000)
    assert student.grad.isfinite().all()
