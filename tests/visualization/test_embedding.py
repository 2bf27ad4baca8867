import numpy as np
import pytest

from mmskelssl.visualization.embedding import METHODS, choose_clips, embed


def test_chosen_clips_are_of_the_first_classes():
    labels = np.array([5, 2, 2, 9, 5, 2])
    assert choose_clips(labels, num_classes=2, max_clips=10, seed=0).tolist() == [0, 1, 2, 4, 5]
    few = choose_clips(labels, num_classes=1, max_clips=2, seed=0)
    assert len(few) == 2 and set(few) < {1, 2, 5} and few.tolist() == sorted(few)
    assert few.tolist() == choose_clips(labels, num_classes=1, max_clips=2, seed=0).tolist()


@pytest.mark.parametrize('method', METHODS)
def test_heaps_stay_apart(method):
    random = np.random.default_rng(0)
    labels = np.arange(60) % 3
    features = (10 * np.eye(70)[labels] + 0.1 * random.normal(size=(60, 70))).astype(np.float32)
    points = embed(features, method, seed=0)
    assert points.shape == (60, 2)
    centres = np.stack([points[labels == label].mean(axis=0) for label in range(3)])
    assert (np.linalg.norm(points[:, None] - centres, axis=2).argmin(1) == labels).all()
    np.testing.assert_array_equal(points, embed(features, method, seed=0))


def test_five_clips_are_enough():
    features = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    assert all(np.isfinite(embed(features, method, seed=0)).all() for method in METHODS)
