import pytest
import torch

from mmskelssl.evaluation.functional import centred, standardized, whitened


def gaussians(number, seed, scales=(9.0, 1.0, 0.1), mean=(50.0, -3.0, 7.0)):
    """Features whose covariance and mean are known, seen in a turned frame."""
    generator = torch.Generator().manual_seed(seed)
    plain = torch.randn(number, len(scales), generator=generator, dtype=torch.float64)
    frame, _ = torch.linalg.qr(
        torch.randn(len(scales), len(scales), generator=torch.Generator().manual_seed(9)).double()
    )
    return plain * torch.tensor(scales) @ frame + torch.tensor(mean), plain


def test_centred_by_hand():
    train, test = torch.tensor([[1.0, 2.0], [3.0, 6.0]]), torch.tensor([[10.0, 0.0]])
    for found, expected in zip(centred(train, test), ([[-1, -2], [1, 2]], [[8, -4]]), strict=True):
        assert found.tolist() == expected


def test_standardized_by_hand():
    train = torch.tensor([[1.0, 5.0, 2.0], [3.0, 5.0, 2.0 + 1e-7]])
    found, queries = standardized(train, torch.tensor([[10.0, 6.0, 3.0]]))
    assert found.tolist() == [[-1, 0, 0], [1, 0, 0]] and queries.tolist() == [[8, 0, 0]]


def test_training_features_have_unit_covariance():
    train, _ = gaussians(500, seed=0)
    found, _ = whitened(train.float(), train[:3].float())
    torch.testing.assert_close(found.T.cov(), torch.eye(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(found.mean(0), torch.zeros(3), atol=1e-4, rtol=0)


def test_distances_are_those_of_mahalanobis():
    """Closed form: the inverse of the training covariance is the metric; the test side has no part in it."""
    train, _ = gaussians(500, seed=0)
    test, _ = gaussians(20, seed=1, mean=(0.0, 0.0, 0.0))
    gallery, queries = whitened(train.float(), test.float())
    metric = train.T.cov().inverse()
    expected = torch.stack([((train - query) @ metric * (train - query)).sum(1).sqrt() for query in test])
    torch.testing.assert_close(torch.cdist(queries, gallery).double(), expected, rtol=1e-3, atol=1e-3)
    again, _ = whitened(train.float(), 5 * test.float())
    assert torch.equal(again, gallery)


def test_directions_of_most_variance_are_kept():
    train, plain = gaussians(2000, seed=0)
    found, _ = whitened(train.float(), train[:1].float(), directions=1)
    assert found.shape == (2000, 1)
    assert abs(torch.corrcoef(torch.stack([found[:, 0].double(), plain[:, 0]]))[0, 1]) > 0.99


@pytest.mark.parametrize(('clips', 'width', 'kept'), [(5, 480, 4), (100, 200, 64), (40, 3, 3)])
def test_there_are_no_more_directions_than_the_data_has(clips, width, kept):
    train = torch.randn(clips, width, generator=torch.Generator().manual_seed(0)) + 3
    found, others = whitened(train, torch.ones(2, width))
    assert found.shape == (clips, kept) and others.shape == (2, kept)
    assert found.isfinite().all() and others.isfinite().all()


def test_features_that_are_all_alike_stay_finite():
    found, others = whitened(torch.ones(4, 3), torch.zeros(2, 3))
    assert found.isfinite().all() and others.isfinite().all()
