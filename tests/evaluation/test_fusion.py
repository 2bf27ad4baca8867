import numpy as np
import pytest

from mmskelssl.evaluation.functional import check_aligned, fuse_scores
from mmskelssl.utils.errors import ReportError

NAMES, LABELS = np.array(['a', 'b', 'c']), np.array([0, 1, 1])


def prediction(names=NAMES, labels=LABELS, seed=0, runs=2):
    return dict(names=names, labels=labels, scores=np.random.default_rng(seed).random((runs, len(names), 2)))


@pytest.mark.parametrize(
    ('other', 'message'),
    [
        (prediction(names=NAMES[[0, 2, 1]]), "clip 1 has name 'b' in joint, 'c' in bone"),
        (prediction(labels=LABELS[::-1].copy()), "clip 0 has label '0' in joint, '1' in bone"),
        (prediction(NAMES[:2], LABELS[:2]), 'of 3 clips, those of bone of 2'),
        (prediction(runs=1), r'\(2, 3, 2\) in joint and \(1, 3, 2\) in bone'),
    ],
)
def test_misaligned_scores_are_refused(other, message):
    with pytest.raises(ReportError, match=message):
        check_aligned(dict(joint=prediction(), bone=other))


def test_aligned_scores_pass():
    check_aligned(dict(joint=prediction(), motion=prediction(seed=1), bone=prediction(seed=2)))


def test_weighted_mean():
    a, b = np.ones((1, 2, 2), np.float32), np.full((1, 2, 2), 5, np.float32)
    assert (fuse_scores([a, b], [1, 1]) == 3).all() and (fuse_scores([a, b], [3, 1]) == 2).all()


def test_one_is_itself():
    scores = np.random.default_rng(0).random((2, 5, 3)).astype(np.float32)
    assert (fuse_scores([scores], [0.3]) == scores).all()
