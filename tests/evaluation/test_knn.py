import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from mmskelssl.evaluation import KNN, knn_predict


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
    with pytest.raises(ValueError, match=f'k={k} neighbours of 50 gallery features: k must be from 1'):
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
