"""Barlow Twins and VICReg against their formulas, written out."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmskelssl.models.losses import (
    barlow_twins,
    concentration,
    consistency,
    covariance,
    cross_correlation,
    invariance,
    variance,
    variance_covariance,
)

SEEDS = st.integers(0, 1000)
# Each as a function of two views.
LOSSES = [lambda a, b: barlow_twins(a, b, 0.1), invariance, lambda a, _: variance(a), lambda a, _: covariance(a)]


def embeddings(clips: int = 12, width: int = 5, seed: int = 0, number: int = 2) -> list[torch.Tensor]:
    """Some (N, D) in float64, correlated with each other and across dimensions, of any scale and place."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    shared = draw(clips, width)
    return [((shared + 0.5 * draw(clips, width)) @ draw(width, width) + draw(width)).detach() for _ in range(number)]


def whitened(z: torch.Tensor) -> torch.Tensor:
    """Of mean 0 and covariance 1 over the batch (biased)."""
    u, _, vh = torch.linalg.svd(z - z.mean(0), full_matrices=False)
    return u @ vh * len(z) ** 0.5


def gradients(loss, *inputs):
    return torch.autograd.grad(loss, inputs)


def slow_barlow_twins(a, b, weight, eps=1e-5):
    """Eq. 1 and 2, entry by entry."""
    total = 0
    for i in range(a.shape[1]):
        for j in range(b.shape[1]):
            x, y = a[:, i] - a[:, i].mean(), b[:, j] - b[:, j].mean()
            c = (x * y).mean() / ((x.square().mean() + eps) * (y.square().mean() + eps)).sqrt()
            total = total + ((1 - c) ** 2 if i == j else weight * c**2)
    return total


def slow_variance(z, target=1.0, eps=1e-4):
    """Eq. 1 and 2 of VICReg, dimension by dimension."""
    hinges = []
    for j in range(z.shape[1]):
        var = sum((x - z[:, j].mean()) ** 2 for x in z[:, j]) / (len(z) - 1)
        hinges.append(torch.clamp(target - (var + eps).sqrt(), min=0))
    return sum(hinges) / len(hinges)


def slow_covariance(z):
    """Eq. 3 and 4 of VICReg, clip by clip."""
    mean = z.mean(0)
    c = sum(torch.outer(row - mean, row - mean) for row in z) / (len(z) - 1)
    width = z.shape[1]
    return sum(c[i, j] ** 2 for i in range(width) for j in range(width) if i != j) / width


@pytest.mark.parametrize('weight', [0.0, 0.0051, 1.0])
@pytest.mark.parametrize('sizes', [(12, 5), (2, 3), (4, 9), (6, 1)])
def test_barlow_twins_and_its_gradients_are_the_formula(weight, sizes):
    a, b = (z.requires_grad_() for z in embeddings(*sizes))
    loss, expected = barlow_twins(a, b, weight), slow_barlow_twins(a, b, weight)
    torch.testing.assert_close(loss, expected, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(gradients(loss, a, b), gradients(expected, a, b), atol=1e-9, rtol=1e-9)


def test_identical_whitened_batches_have_nothing_to_learn():
    z = whitened(embeddings()[0])
    assert barlow_twins(z, z, 1.0).item() == pytest.approx(0, abs=1e-9)
    # Against itself turned the other way, every entry of the diagonal is -1.
    assert barlow_twins(z, -z, 1.0).item() == pytest.approx(4 * z.shape[1], rel=1e-4)


def test_a_collapsed_batch_costs_one_for_each_dimension():
    same = torch.ones(8, 5, dtype=torch.float64)
    assert barlow_twins(same, same, 0.5).item() == pytest.approx(5)
    # One dimension repeated in all: correlations are 1 everywhere.
    one = embeddings()[0][:, :1].expand(-1, 5)
    assert barlow_twins(one, one, 0.5).item() == pytest.approx(0.5 * 20, rel=1e-4)


@settings(deadline=None)
@given(SEEDS, st.lists(st.floats(0.1, 10), min_size=5, max_size=5), st.lists(st.floats(-5, 5), min_size=5, max_size=5))
def test_barlow_twins_does_not_know_scale_and_place_of_a_dimension(seed, scale, shift):
    a, b = (50 * z for z in embeddings(seed=seed))  # far above the epsilon of the standard deviation
    scale, shift = torch.tensor(scale, dtype=torch.float64), torch.tensor(shift, dtype=torch.float64)
    loss = barlow_twins(a, b, 0.1)
    for changed in (barlow_twins(a * scale + shift, b, 0.1), barlow_twins(a, b * scale + shift, 0.1)):
        torch.testing.assert_close(changed, loss, atol=1e-3, rtol=1e-3)


@settings(deadline=None)
@given(SEEDS, st.permutations(range(12)), st.permutations(range(5)))
def test_clips_and_dimensions_have_no_order(seed, clips, dimensions):
    a, b = embeddings(seed=seed)
    for loss in LOSSES:
        shuffled = loss(a[clips][:, dimensions], b[clips][:, dimensions])
        torch.testing.assert_close(shuffled, loss(a, b), atol=1e-9, rtol=1e-9)
    assert barlow_twins(a, b[:, [1, 0, 2, 3, 4]], 0.1) != barlow_twins(a, b, 0.1)


@settings(deadline=None)
@given(SEEDS)
def test_views_may_change_places(seed):
    a, b = embeddings(seed=seed)
    torch.testing.assert_close(barlow_twins(a, b, 0.1), barlow_twins(b, a, 0.1))
    torch.testing.assert_close(invariance(a, b), invariance(b, a))


def test_invariance_by_hand():
    a, b = torch.tensor([[1.0, 2], [3, 4]]), torch.tensor([[1.0, 0], [0, 4]])
    assert invariance(a, b).item() == pytest.approx((0 + 4 + 9 + 0) / 4)
    assert invariance(a, a).item() == 0


@pytest.mark.parametrize('sizes', [(12, 5), (2, 3), (4, 9)])
@pytest.mark.parametrize('scale', [0.01, 0.3, 1.0, 10.0])
def test_variance_and_its_gradient_are_the_formula(sizes, scale):
    z = (scale * embeddings(*sizes)[0]).requires_grad_()
    loss, expected = variance(z), slow_variance(z)
    torch.testing.assert_close(loss, expected, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(gradients(loss, z), gradients(expected, z), atol=1e-9, rtol=1e-9)


def test_variance_by_hand():
    # Standard deviations 0 and sqrt(2): the first lacks all but the root of epsilon, the second nothing.
    assert variance(torch.tensor([[5.0, 0], [5, 2]])).item() == pytest.approx((1 - 1e-2) / 2)
    assert variance(torch.tensor([[5.0, 0], [5, 2]]), target=0.0).item() == 0


@pytest.mark.parametrize('sizes', [(12, 5), (2, 3), (4, 9)])
def test_covariance_and_its_gradient_are_the_formula(sizes):
    z = embeddings(*sizes)[0].requires_grad_()
    loss, expected = covariance(z), slow_covariance(z)
    torch.testing.assert_close(loss, expected, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(gradients(loss, z), gradients(expected, z), atol=1e-9, rtol=1e-9)


def test_covariance_by_hand():
    # Covariance of the two dimensions: 2; twice its square, over two dimensions.
    assert covariance(torch.tensor([[0.0, 0], [2, 2]])).item() == pytest.approx(4)
    assert covariance(whitened(embeddings()[0])).item() == pytest.approx(0, abs=1e-9)


@settings(deadline=None)
@given(SEEDS, st.floats(-100, 100))
def test_variance_and_covariance_do_not_know_the_place(seed, shift):
    z = embeddings(seed=seed)[0]
    for loss in (variance, covariance):
        torch.testing.assert_close(loss(z + shift), loss(z), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_is_exact_inside_also_under_autocast(dtype):
    a, b = (z.to(dtype) for z in embeddings(64, 16))
    for loss in LOSSES:
        exact = loss(a.float(), b.float())
        with torch.autocast('cpu', dtype):
            got = loss(a, b)
        assert got.dtype == torch.float32 and torch.equal(got, exact)


@given(SEEDS)
def test_cross_correlation_divides_by_the_unbiased_deviation(seed):
    a, b = embeddings(seed=seed)
    x, y = ((z - z.mean(0)) / z.std(0) for z in (a, b))
    c = x.T @ y / len(a)
    diagonal = c.diagonal()
    expected = (diagonal - 1).square().sum() + 0.1 * (c - diagonal.diag()).square().sum()
    torch.testing.assert_close(cross_correlation(a, b, 0.1), expected, rtol=1e-8, atol=1e-8)


def test_cross_correlation_of_a_dimension_that_does_not_vary_is_finite():
    a = torch.randn(5, 3)
    a[:, 1] = 2.0
    a.requires_grad_()
    loss = cross_correlation(a, a.flip(1), 0.1)
    assert loss.isfinite() and gradients(loss, a)[0].isfinite().all()


@given(SEEDS)
def test_consistency_and_concentration_written_out(seed):
    views = embeddings(seed=seed, number=4)
    squares = [(z - views[3]).square().mean() for z in views[:3]]
    torch.testing.assert_close(consistency(views[:3], [views[3]] * 3), sum(squares))
    mean = sum(views) / 4
    torch.testing.assert_close(concentration(views), sum((z - mean).square().mean() for z in views))
    assert concentration([views[0]] * 3) < 1e-20


@given(SEEDS)
def test_variance_covariance_is_the_weighted_sum(seed):
    (z,) = embeddings(seed=seed, number=1)
    torch.testing.assert_close(variance_covariance(z, 3.0), 3 * variance(z) + covariance(z))
