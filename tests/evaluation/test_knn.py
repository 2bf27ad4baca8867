import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from mmskelssl.evaluation import KNN, knn_predict
from mmskelssl.evaluation.functional import knn


def case(seed, num_gallery=50, num_queries=23, width=6, num_classes=5):
    random = torch.Generator().manual_seed(seed)
    gallery, queries = (torch.randn(n, width, generator=random) for n in (num_gallery, num_queries))
    return gallery, torch.randint(num_classes, (num_gallery,), generator=random), queries


def scikit_learn(gallery, labels, queries, k, metric):
    if metric == 'euclidean':
        gallery, queries = (F.normalize(x, dim=1) for x in (gallery, queries))
    model = KNeighborsClassifier(k, metric=metric, algorithm='brute').fit(gallery.numpy(), labels.numpy())
    return model.predict(queries.numpy())


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1 << 30), num_gallery=st.integers(5, 60), num_queries=st.integers(1, 30))
@pytest.mark.parametrize('k', [1, 3, 5])
@pytest.mark.parametrize('metric', ['cosine', 'euclidean'])
def test_predictions_are_those_of_scikit_learn(k, metric, seed, num_gallery, num_queries):
    gallery, labels, queries = case(seed, num_gallery, num_queries)
    expected = scikit_learn(gallery, labels, queries, k, metric)
    np.testing.assert_array_equal(knn_predict(gallery, labels, queries, k).numpy(), expected)


@pytest.mark.parametrize('k', [1, 4])
@pytest.mark.parametrize('limit', [1, 50, 120, 1149])
def test_chunks_do_not_matter(monkeypatch, k, limit):
    gallery, labels, queries = case(0)
    expected = knn_predict(gallery, labels, queries, k)
    monkeypatch.setattr(knn, '_MAX_SIMILARITIES', limit)
    products = []
    monkeypatch.setattr(F, 'normalize', _counting(F.normalize, products))
    assert torch.equal(knn_predict(gallery, labels, queries, k), expected)
    assert max(products[1:]) == max(1, limit // 50)  # chunked indeed


def _counting(function, lengths):
    def counted(x, **options):
        lengths.append(len(x))
        return function(x, **options)

    return counted


def test_length_does_not_matter_and_ties_go_to_the_lower_label():
    gallery = torch.tensor([[100.0, 1], [0.01, 0], [0, 5]])
    labels = torch.tensor([2, 1, 0])
    queries = torch.tensor([[1.0, 0], [0, 0.1]])
    assert knn_predict(gallery, labels, queries, 1).tolist() == [1, 0]
    assert knn_predict(gallery, labels, queries, 2).tolist() == [1, 0]
    assert knn_predict(gallery, labels, queries, 3).tolist() == [0, 0]


def test_half_precision_features_are_compared_in_float32():
    gallery, labels, queries = (x.half() if x.is_floating_point() else x for x in case(3, width=64))
    expected = knn_predict(gallery.float(), labels, queries.float(), 1)
    assert torch.equal(knn_predict(gallery, labels, queries, 1), expected)


@pytest.mark.parametrize('k', [0, -1, 51])
def test_k_has_to_lie_within_the_gallery(k):
    gallery, labels, queries = case(0)
    with pytest.raises(ValueError, match=f'k={k} neighbours of 50 gallery features'):
        knn_predict(gallery, labels, queries, k)


def test_metric_takes_each_modality_by_itself():
    metric = KNN(k=1)
    eye = torch.eye(3)
    features = dict(joint=eye, bone=eye.roll(1, 0))
    columns = dict(labels=torch.arange(3), index=torch.arange(3))
    for in_gallery in (True, False):
        flag = torch.full((3,), in_gallery)
        found = {name: eye if in_gallery else value for name, value in features.items()}
        metric.process({}, [dict(columns, features=found, in_gallery=flag)])
    assert metric.evaluate(3) == {'knn/joint_top1': 100, 'knn/bone_top1': 0}


def test_metric_says_what_it_needs():
    batch = dict(labels=torch.zeros(1), index=torch.zeros(1), features={})
    with pytest.raises(ValueError, match='The KNN metric needs a gallery'):
        KNN().process({}, [batch])


@pytest.fixture
def screened(monkeypatch):
    """Screening in bfloat16 whatever the size and the CPU; counts the parts that it answers and those it does not."""
    answers = []
    nearest = knn._Screen.nearest

    def counted(self, queries, k):
        found = nearest(self, queries, k)
        answers.append(found is not None)
        return found

    monkeypatch.setattr(knn, '_MIN_SCREENED', 0)
    monkeypatch.setattr(knn, '_is_fast_in_bfloat16', lambda device: True)
    monkeypatch.setattr(knn._Screen, 'nearest', counted)
    return answers


@pytest.mark.parametrize('k', [1, 3])
@pytest.mark.parametrize('num_gallery', [640, 641, 703])
@pytest.mark.parametrize('shift', [0.0, -0.3])
def test_screening_in_bfloat16_finds_the_nearest(screened, k, num_gallery, shift):
    gallery, _, queries = case(0, num_gallery, 40, width=256)
    gallery, queries = gallery + shift, queries - shift  # shifted apart, all similarities are negative
    products = F.normalize(queries.double()) @ F.normalize(gallery.double()).T
    assert shift == 0 or products.max() < 0.2
    assert torch.equal(knn.nearest_neighbours(gallery, queries, k), products.topk(k).indices)
    assert screened == [True]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1 << 30), spread=st.sampled_from([1e-4, 0.01, 1.0]), k=st.integers(1, 4))
def test_screening_changes_nothing_on_any_features(seed, spread, k):
    """Features may lie as close as bfloat16 cannot tell: then all are compared in float32."""
    gallery, _, queries = case(seed, 200, 10, width=16)
    gallery, queries = 1 + spread * gallery, 1 + spread * queries
    plain = knn.nearest_neighbours(gallery, queries, k)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(knn, '_MIN_SCREENED', 0)
        patch.setattr(knn, '_is_fast_in_bfloat16', lambda device: True)
        screened = knn.nearest_neighbours(gallery, queries, k)
    exact = F.normalize(queries.double()) @ F.normalize(gallery.double()).T
    # Where float32 cannot tell two apart, either may come first.
    torch.testing.assert_close(exact.gather(1, screened), exact.gather(1, plain), rtol=0, atol=1e-6)


def test_too_many_candidates_are_compared_all_at_once(screened):
    gallery = 1 + 1e-5 * case(0, 6400, 1, width=16)[0]
    queries = gallery[:3]
    assert knn.nearest_neighbours(gallery, queries).shape == (3, 1)
    assert screened == [False]
