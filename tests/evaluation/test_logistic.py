import pytest
import torch

from mmskelssl.evaluation.functional import logistic_scores


def points(seed, number=40):
    """Two noisy classes of 3 that are told apart by a feature that is a thousand times smaller than the other."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(number) % 2 * 2
    values = torch.randn(number, 2, generator=generator)
    values[:, 1] += labels
    return values * torch.tensor([1.0, 0.001]), labels


def test_it_is_the_minimum_of_the_penalized_cross_entropy():
    (train, labels), strength = points(0), 0.03
    standard = (train - train.mean(0)) / train.std(0, correction=0)
    weight, bias = torch.zeros(2, 2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    optimizer = torch.optim.LBFGS([weight.requires_grad_(), bias.requires_grad_()], max_iter=500, tolerance_grad=1e-12)

    def loss():
        optimizer.zero_grad()
        entropy = torch.nn.functional.cross_entropy(standard.double() @ weight + bias, labels // 2)
        # Two classes have one direction: the penalty is on the difference of their weights.
        value = entropy + strength / 2 * (weight[:, 1] - weight[:, 0]).square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    expected = (standard.double() @ weight + bias).log_softmax(1).float()
    found = logistic_scores(train, labels, train, strength, 3)
    torch.testing.assert_close(found[:, [0, 2]], expected, atol=1e-3, rtol=1e-3)


def test_the_scale_of_features_does_not_matter():
    (train, labels), (test, truth) = points(0), points(1)
    scores = logistic_scores(train, labels, test, 0.01, 3)
    assert (scores.argmax(1) == truth).double().mean() > 0.7
    scaled = logistic_scores(train * 100 + 7, labels, test * 100 + 7, 0.01, 3)
    torch.testing.assert_close(scaled, scores, atol=1e-3, rtol=1e-3)


def test_a_class_without_clips_is_the_least_likely():
    (train, labels), (test, _) = points(0), points(1)
    scores = logistic_scores(train, labels, test, 0.01, 3)
    assert scores.isfinite().all() and (scores.argmin(1) == 1).all()
    assert scores.exp().sum(1) == pytest.approx(1)
