import pytest
import torch
import torch.nn.functional as F

from mmskelssl.evaluation.functional import nearest, ranking


def angles(*degrees):
    radians = torch.tensor(degrees, dtype=torch.float32).deg2rad()
    return torch.stack([radians.cos(), radians.sin()], 1)


def test_by_hand_whatever_the_lengths():
    gallery = angles(0, 30, 90) * torch.tensor([[100.0], [0.01], [1.0]])
    similarities, positions = nearest(5 * angles(10, 80), gallery, 2)
    assert positions.tolist() == [[0, 1], [2, 1]]
    torch.testing.assert_close(similarities, torch.tensor([[10.0, 20.0], [10.0, 50.0]]).deg2rad().cos())


@pytest.mark.parametrize('k', [1, 2])
def test_half_precision_is_compared_in_float32(k):
    """In half precision the cosines of so small angles are the same."""
    gallery, query = (x.half() for x in (angles(3.0, 2.0, 1.0), angles(0.0)))
    similarities, positions = nearest(query, gallery, k)
    assert positions.tolist() == [[2, 1][:k]] and similarities.dtype == torch.float32


@pytest.mark.parametrize('k', [1, 4, 50])
@pytest.mark.parametrize('limit', [1, 50, 120, 1149])
def test_chunks_do_not_matter(monkeypatch, k, limit):
    random = torch.Generator().manual_seed(0)
    gallery, queries = (torch.randn(n, 6, generator=random) for n in (50, 23))
    expected = (F.normalize(queries.double()) @ F.normalize(gallery.double()).T).topk(k)
    monkeypatch.setattr(ranking, '_MAX_SIMILARITIES', limit)
    lengths = []
    highest = ranking._highest
    monkeypatch.setattr(ranking, '_highest', lambda x, k: lengths.append(len(x)) or highest(x, k))
    similarities, positions = nearest(queries, gallery, k)
    assert torch.equal(positions, expected.indices)
    torch.testing.assert_close(similarities, expected.values.float())
    assert max(lengths) == max(1, limit // 50) and sum(lengths) == 23


@pytest.mark.parametrize('k', [1, 40])
def test_of_equal_ones_the_first_comes_first(k):
    _, positions = nearest(angles(10), angles(10).repeat(40, 1), k)
    assert positions.tolist() == [[*range(k)]]
