import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from mmskelssl.evaluation.functional import retrieval, retrieval_metrics


def angles(*degrees):
    radians = torch.tensor(degrees, dtype=torch.float32).deg2rad()
    return torch.stack([radians.cos(), radians.sin()], 1)


def test_by_hand():
    """Query 0 finds its class at ranks 1 and 3, query 1 at rank 2."""
    gallery, gallery_labels = angles(0, 10, 20, 90), torch.tensor([0, 1, 0, 1])
    metrics = retrieval_metrics(gallery, gallery_labels, angles(0, 16), torch.tensor([0, 1]), recalls=(1, 2))
    precision = [(1 + 2 / 3) / 2, (1 / 2 + 2 / 4) / 2]
    assert metrics == pytest.approx({'map': 100 * np.mean(precision), 'recall@1': 50.0, 'recall@2': 100.0})


def test_a_class_that_the_gallery_lacks_is_never_found():
    metrics = retrieval_metrics(angles(0, 5), torch.tensor([0, 0]), angles(1), torch.tensor([3]), recalls=(1, 10))
    assert metrics == {'map': 0.0, 'recall@1': 0.0, 'recall@10': 0.0}


@given(st.integers(0, 1000), st.integers(2, 30), st.integers(1, 10), st.sampled_from([1, 7, 1 << 20]))
def test_average_precision_is_sklearns(seed, num_gallery, num_queries, max_ranks):
    generator = torch.Generator().manual_seed(seed)
    gallery, queries = (torch.randn(n, 6, generator=generator) for n in (num_gallery, num_queries))
    gallery_labels, labels = (torch.randint(3, (n,), generator=generator) for n in (num_gallery, num_queries))
    similarities = torch.nn.functional.normalize(queries) @ torch.nn.functional.normalize(gallery).T
    expected = [
        average_precision_score(gallery_labels == label, row) if (gallery_labels == label).any() else 0.0
        for row, label in zip(similarities, labels, strict=True)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieval, '_MAX_RANKS', max_ranks)
        metrics = retrieval_metrics(gallery, gallery_labels, queries, labels)
    assert metrics['map'] == pytest.approx(100 * np.mean(expected), abs=1e-3)
    assert metrics['recall@1'] <= metrics['recall@5'] <= metrics['recall@10']
