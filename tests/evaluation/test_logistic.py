import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mmskelssl.evaluation.functional import logistic_scores


def points(seed, number=40):
    """Two noisy classes of 3 that are told apart by a feature that is a thousand times smaller than the other."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(number) % 2 * 2
    values = torch.randn(number, 2, generator=generator)
    values[:, 1] += labels
    return values * torch.tensor([1.0, 0.001]), labels


@pytest.mark.parametrize('strength', [0.001, 0.1])
def test_it_is_that_of_scikit_learn(strength):
    random = np.random.default_rng(0)
    labels = np.arange(90) % 3
    train = random.standard_normal((90, 5)) + labels[:, None] * [1, 0, -1, 0, 0.5]
    test = random.standard_normal((20, 5))
    reference = make_pipeline(StandardScaler(), LogisticRegression(C=1 / (90 * strength), tol=1e-8, max_iter=1000))
    expected = reference.fit(train, labels).predict_log_proba(test)
    found = logistic_scores(*map(torch.from_numpy, (train, labels, test)), strength, 3)
    np.testing.assert_allclose(found, expected, atol=1e-3)


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
