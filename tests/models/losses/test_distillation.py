import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mmskelssl.models.losses import distillation, info_nce, neighbourhood


def official(teacher, student, num_neighbors, teacher_temperature, student_temperature):
    """The formula of CMD's program: gather the top K, then PyTorch's own divergence."""
    values, slots = teacher.topk(num_neighbors, dim=1)
    log_student = (student.gather(1, slots) / student_temperature).log_softmax(1)
    return F.kl_div(log_student, (values / teacher_temperature).softmax(1), reduction='batchmean')


@settings(deadline=None)
@given(
    st.integers(1, 7),
    st.integers(1, 40).flatmap(lambda size: st.tuples(st.just(size), st.integers(1, size))),
    st.sampled_from([0.02, 0.05, 1.0]),
    st.sampled_from([0.02, 0.1, 1.0]),
    st.integers(0, 1000),
)
def test_loss_and_gradient_are_those_of_the_official_formula(num_clips, sizes, tau_t, tau_s, seed):
    size, num_neighbors = sizes
    torch.manual_seed(seed)
    teacher = torch.rand(num_clips, size, dtype=torch.float64) * 2 - 1
    student = (torch.rand(num_clips, size, dtype=torch.float64) * 2 - 1).requires_grad_()
    loss = distillation(neighbourhood(teacher, num_neighbors, tau_t), student, tau_s)
    expected = official(teacher, student, num_neighbors, tau_t, tau_s)
    torch.testing.assert_close(loss, expected, atol=1e-9, rtol=1e-9)
    (gradient,), (wanted,) = (torch.autograd.grad(x, [student]) for x in (loss, expected))
    torch.testing.assert_close(gradient, wanted, atol=1e-9, rtol=1e-9)


def test_loss_by_hand():
    # Neighbours are slots 0 and 2. Teacher: (2/3, 1/3), student: (1/4, 3/4).
    teacher = torch.tensor([[2.0, 0.5, 1.0]]).log()
    student = torch.tensor([[1.0, 100.0, 3.0]]).log()
    loss = distillation(neighbourhood(teacher, 2, 1.0), student, 1.0)
    assert loss.item() == pytest.approx(0.3836, abs=1e-4)  # 2/3 ln(8/3) + 1/3 ln(4/9)


def test_same_distribution_is_no_loss():
    similarities = torch.rand(4, 30)
    assert distillation(neighbourhood(similarities, 10, 0.1), similarities, 0.1).item() == pytest.approx(0, abs=1e-5)
    assert distillation(neighbourhood(similarities, 10, 0.1), similarities, 0.2).item() > 0.01


def test_teacher_receives_no_gradient():
    teacher, student = torch.rand(4, 30, requires_grad=True), torch.rand(4, 30, requires_grad=True)
    distillation(neighbourhood(teacher, 10, 0.05), student, 0.1).backward()
    assert teacher.grad is None and student.grad.any()


def test_only_neighbours_teach():
    teacher, student = torch.rand(4, 30), torch.rand(4, 30, requires_grad=True)
    distillation(neighbourhood(teacher, 10, 0.05), student, 0.1).backward()
    taught = torch.zeros(4, 30, dtype=torch.bool).scatter(1, teacher.topk(10).indices, True)
    assert torch.equal(student.grad != 0, taught)


def test_neighbours_as_near_as_the_last_belong_to_them():
    teacher = torch.tensor([[0.9, 0.5, 0.5, 0.5, 0.1]])
    outside, probability, entropy = neighbourhood(teacher, 2, 1.0)
    assert outside.tolist() == [[False, False, False, False, True]]
    expected = torch.tensor([0.9, 0.5, 0.5, 0.5]).softmax(0)
    torch.testing.assert_close(probability[0, :4], expected)
    assert probability[0, 4] == 0
    torch.testing.assert_close(entropy[0], -(expected * expected.log()).sum())


@pytest.mark.parametrize('student_temperature', [0.05, 0.1])
def test_cold_teacher_of_all_slots_mines_one_positive(student_temperature):
    """I²MD, eq. 6: at τ_t → 0 and K_c = N, contrast of the student with the slot that the teacher is nearest to."""
    teacher, student = torch.rand(6, 50, dtype=torch.float64), torch.rand(6, 50, dtype=torch.float64) * 2 - 1
    loss = distillation(neighbourhood(teacher, 50, 1e-6), student, student_temperature)
    mined = teacher.argmax(1)
    by_hand = [-(student[i, u] / student_temperature - (student[i] / student_temperature).exp().sum().log())
               for i, u in enumerate(mined)]  # fmt: skip
    torch.testing.assert_close(loss, torch.stack(by_hand).mean())
    others = torch.ones(6, 50, dtype=torch.bool).scatter(1, mined[:, None], False)
    positive = student.gather(1, mined[:, None])[:, 0]
    contrast = info_nce(positive, student[others].view(6, 49), student_temperature)
    torch.testing.assert_close(loss, contrast)


@pytest.mark.parametrize('num_neighbors', [2, 10, 50])
def test_slots_have_no_order(num_neighbors):
    teacher, student = torch.rand(6, 50), torch.rand(6, 50)
    order = torch.randperm(50)
    loss = distillation(neighbourhood(teacher, num_neighbors, 0.05), student, 0.1)
    both = distillation(neighbourhood(teacher[:, order], num_neighbors, 0.05), student[:, order], 0.1)
    one = distillation(neighbourhood(teacher, num_neighbors, 0.05), student[:, order], 0.1)
    torch.testing.assert_close(both, loss)
    assert abs(one - loss) > 1e-3


def test_extreme_similarities_stay_finite():
    teacher, student = torch.tensor([[-1.0, 1.0, 0.0]] * 2), torch.tensor([[1.0, -1.0, 0.0]] * 2, requires_grad=True)
    loss = distillation(neighbourhood(teacher, 2, 1e-3), student, 1e-3)
    loss.backward()
    assert loss.item() == pytest.approx(1000)
    assert student.grad.isfinite().all() and (student.grad[:, 0] == 0).all()
