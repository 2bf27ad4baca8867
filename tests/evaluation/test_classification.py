import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn_metrics

from mmskelssl.evaluation import Accuracy, confusion_matrix, per_class_accuracy, topk_accuracy

SCORES = torch.tensor([[5.0, 3, 1], [1, 2, 3], [2, 3, 1], [1, 5, 4]])
LABELS = torch.tensor([0, 1, 1, 0])


def test_topk_by_hand():
    assert topk_accuracy(SCORES, LABELS, 1) == 50
    assert topk_accuracy(SCORES, LABELS, 2) == 75
    assert topk_accuracy(SCORES, LABELS, 3) == 100
    assert topk_accuracy(SCORES, LABELS, 5) == 100  # fewer classes than k


def test_confusion_by_hand():
    confusion = confusion_matrix(SCORES.argmax(1), LABELS, 3)
    assert confusion.tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 0]]
    accuracy = per_class_accuracy(confusion)
    assert accuracy[:2].tolist() == [50, 50] and accuracy[2].isnan()


@pytest.mark.parametrize('seed', range(3))
def test_against_scikit_learn(seed):
    random = np.random.default_rng(seed)
    scores, labels = random.normal(size=(200, 7)), random.integers(7, size=200)
    tensors = torch.from_numpy(scores), torch.from_numpy(labels)
    for k in (1, 2, 5):
        expected = sklearn_metrics.top_k_accuracy_score(labels, scores, k=k)
        assert topk_accuracy(*tensors, k) == pytest.approx(100 * expected)
    confusion = confusion_matrix(tensors[0].argmax(1), tensors[1], 7)
    np.testing.assert_array_equal(confusion, sklearn_metrics.confusion_matrix(labels, scores.argmax(1)))
    expected = sklearn_metrics.recall_score(labels, scores.argmax(1), average=None)
    np.testing.assert_allclose(per_class_accuracy(confusion), 100 * expected)


def test_metric_and_its_report():
    metric = Accuracy(topk=(1, 2))
    metric.dataset_meta = dict(classes=['sit', 'stand', 'wave'])
    for rows in (slice(0, 3), slice(3, 4)):
        metric.process({}, [dict(scores=SCORES[rows], labels=LABELS[rows], index=torch.arange(4)[rows])])
    assert metric.evaluate(4) == {'accuracy/top1': 50, 'accuracy/top2': 75, 'accuracy/mean_class': 50}
    report = metric.report()
    assert report['confusion'] == [[1, 1, 0], [0, 1, 1], [0, 0, 0]]
    assert list(report['per_class_accuracy']) == ['sit', 'stand', 'wave']
    assert report['per_class_accuracy']['sit'] == 50


def test_mean_over_classes_is_not_that_over_clips():
    metric = Accuracy(topk=(1,))
    scores = torch.eye(2)[[0, 0, 0, 0]]
    metric.process({}, [dict(scores=scores, labels=torch.tensor([0, 0, 0, 1]), index=torch.arange(4))])
    assert metric.evaluate(4) == {'accuracy/top1': 75, 'accuracy/mean_class': 50}
