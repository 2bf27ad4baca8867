import numpy as np
import pytest

from mmskelssl.datasets import ClipStore
from mmskelssl.evaluation.reading import read_pretrained
from mmskelssl.evaluation.workspace import Workspace

from ..conftest import pretraining

# Directions of one joint, in degrees, and the classes of clips that point there.
GALLERY = [(0, 0), (30, 1), (60, 0), (180, 2), (200, 2)]
QUERIES = [(1, 0), (29, 0), (35, 1), (190, 2), (170, 2), (55, 1)]


@pytest.fixture
def planted(tmp_path, make_checkpoint):
    """A model whose features are the coordinates of one joint that is planted on a circle."""
    with ClipStore.create(tmp_path / 'circle', 'kinect20', ['a', 'b', 'c']) as writer:
        for number, (degrees, label) in enumerate(GALLERY + QUERIES):
            clip = np.zeros((1, 4, 20, 3))
            clip[..., 5, :2] = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
            writer.add(f'{number}', label, clip)
        writer.splits.update(train=range(5), test=range(5, 11))
    backbone = dict(type='RawCoordinates', num_frames=8)
    return read_pretrained(make_checkpoint(pretraining(tmp_path / 'circle', backbone, ['joint'])))


@pytest.mark.parametrize(('k', 'hits'), [(1, [1, 0, 1, 1, 1, 0]), (3, [1, 1, 0, 1, 1, 0])])
def test_accuracy_by_hand(planted, load, tmp_path, k, hits):
    """With k = 3, those that point to 0..60 degrees see two of class 0 and one of class 1."""
    protocol = load('knn', **{'protocol.k': k})
    workspace = Workspace(planted, tmp_path / 'work')
    result = protocol.run(workspace, ('joint',))
    assert result.metrics['top1'].values == [pytest.approx(100 * np.mean(hits))]
    per_class = [np.mean([h for h, (_, label) in zip(hits, QUERIES, strict=True) if label == c]) for c in range(3)]
    assert result.per_class_accuracy == pytest.approx([100 * value for value in per_class])
    assert np.sum(result.confusion) == 6 and np.trace(result.confusion) == sum(hits)
    assert (result.card.k, result.card.trained, result.card.num_frames) == (k, 'nothing', 8)


def test_retrieval_by_hand(planted, load, tmp_path):
    """Ranks of the query's class: 1 and 3; 2 and 3; 1; 1 and 2; 1 and 2; 2."""
    result = load('knn').run(Workspace(planted, tmp_path), ('joint',))
    precision = [(1 + 2 / 3) / 2, (1 / 2 + 2 / 3) / 2, 1, 1, 1, 1 / 2]
    assert result.metrics['map'].mean == pytest.approx(100 * np.mean(precision))
    assert result.metrics['recall@1'].mean == pytest.approx(100 * 4 / 6)
    assert result.metrics['recall@5'].mean == 100


def test_predictions_and_features_lie_by_clip_name(planted, load, tmp_path):
    result = load('knn').run(Workspace(planted, tmp_path), ('joint',))
    arrays = {name: np.load(tmp_path / path) for name, path in result.files.items()}
    assert arrays['predictions']['names'].tolist() == [str(number) for number in range(5, 11)]
    assert arrays['predictions']['scores'].shape == (1, 6, 3)
    assert arrays['train_features']['features'].shape == (5, 480)
    assert arrays['test_features']['labels'].tolist() == [label for _, label in QUERIES]
