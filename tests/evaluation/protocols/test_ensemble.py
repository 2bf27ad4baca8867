from dataclasses import replace

import numpy as np
import pytest

from mmskelssl.evaluation.arrays import load_arrays, save_arrays
from mmskelssl.evaluation.protocols import ensemble
from mmskelssl.evaluation.workspace import Workspace
from mmskelssl.utils.errors import ReportError


@pytest.fixture
def workspace(subject, load, tmp_path):
    """With the scores of linear-fast on each modality."""
    workspace = Workspace(subject, tmp_path)
    for modality in subject.modalities:
        load('linear-fast').run(workspace, (modality,))
    return workspace


def scores_of(workspace, result):
    return np.load(workspace.root / result.files['predictions'])['scores']


def test_an_ensemble_of_one_equals_the_one(workspace, load):
    (alone,) = (load('linear-fast').run(workspace, ('bone',)),)
    fused = load('linear-fast-3s', **{'protocol.modalities': ['bone']}).run(workspace, ('bone',))
    assert fused.metrics['top1'] == alone.metrics['top1'] and fused.confusion == alone.confusion
    assert (scores_of(workspace, fused) == scores_of(workspace, alone)).all()


def test_three_are_the_mean_of_their_scores(workspace, load, subject):
    protocol = load('linear-fast-3s')
    assert [required.name for required in protocol.requires] == ['linear-fast']
    result = protocol.run(workspace, subject.modalities)
    parts = [workspace.predictions('linear-fast', modality)['scores'] for modality in subject.modalities]
    np.testing.assert_allclose(scores_of(workspace, result), np.mean(parts, 0), rtol=1e-5)
    assert result.modality == 'joint+motion+bone' and result.card.modalities == list(subject.modalities)
    assert result.remarks == ['Weights: joint 1, motion 1, bone 1.']


def test_misaligned_scores_are_refused(workspace, load, subject):
    path = workspace.folder('linear-fast', 'motion') / 'predictions.npz'
    arrays = load_arrays(path)
    save_arrays(path, **{name: np.roll(value, 1, axis=-1 if value.ndim == 1 else 1) for name, value in arrays.items()})
    with pytest.raises(ReportError, match="misaligned: clip 0 has name 'clip 60' in joint, 'clip 89' in motion"):
        load('linear-fast-2s').run(workspace, ('joint', 'motion'))


def test_weights_are_chosen_without_the_test_side(workspace, load, subject, monkeypatch):
    seen = []
    monkeypatch.setattr(
        ensemble, 'choose_weights', lambda scores, labels: seen.append((scores, labels)) or [0.2, 0.5, 0.3]
    )
    result = load('linear-fast-3sw').run(workspace, subject.modalities)
    ((scores, labels),) = seen
    assert len(labels) == 6 and scores[0].shape == (3, 6, 3)  # a tenth of the training clips
    assert result.remarks == ['Weights: joint 0.2, motion 0.5, bone 0.3.']
    assert 'held-out' in result.card.fusion


def test_a_modality_that_is_not_there(subject, load):
    with pytest.raises(ValueError, match=r"'linear-3s' fuses joint, .* has no motion, bone.*fuse_pre"):
        load('linear-3s').check(replace(subject, modalities=('joint',)))


def test_weights_for_other_modalities(load):
    with pytest.raises(ValueError, match=r'\[1, 2\] are no weights of'):
        load('linear-3s', **{'protocol.weights': [1, 2]})
