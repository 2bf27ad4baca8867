from dataclasses import replace

import numpy as np
import pytest

from mmskelssl.evaluation.arrays import load_arrays, save_arrays
from mmskelssl.evaluation.workspace import Workspace
from mmskelssl.utils.errors import ReportError


@pytest.fixture
def workspace(model, load, tmp_path):
    """With the scores of linear-fast on each modality."""
    workspace = Workspace(model, tmp_path)
    for modality in model.modalities:
        load('linear-fast').run(workspace, (modality,))
    return workspace


def scores_of(workspace, result):
    return np.load(workspace.root / result.files['predictions'])['scores']


def test_an_ensemble_of_one_equals_the_one(workspace, load):
    (alone,) = (load('linear-fast').run(workspace, ('bone',)),)
    fused = load('linear-fast-3s', **{'protocol.modalities': ['bone']}).run(workspace, ('bone',))
    assert fused.metrics['top1'] == alone.metrics['top1'] and fused.confusion == alone.confusion
    assert (scores_of(workspace, fused) == scores_of(workspace, alone)).all()


def test_three_are_the_mean_of_their_scores(workspace, load, model):
    protocol = load('linear-fast-3s')
    assert [required.name for required in protocol.requires] == ['linear-fast']
    result = protocol.run(workspace, model.modalities)
    parts = [workspace.predictions('linear-fast', modality)['scores'] for modality in model.modalities]
    np.testing.assert_allclose(scores_of(workspace, result), np.mean(parts, 0), rtol=1e-5)
    assert result.modality == 'joint+motion+bone' and result.card.modalities == list(model.modalities)
    assert result.remarks == ['Weights: joint 1, motion 1, bone 1.']


def test_misaligned_scores_are_refused(workspace, load, model):
    path = workspace.folder('linear-fast', 'motion') / 'predictions.npz'
    arrays = load_arrays(path)
    save_arrays(path, **{name: np.roll(value, 1, axis=-1 if value.ndim == 1 else 1) for name, value in arrays.items()})
    with pytest.raises(ReportError, match="misaligned: clip 0 has name 'clip 60' in joint, 'clip 89' in motion"):
        load('linear-fast-2s').run(workspace, ('joint', 'motion'))


def test_weights_of_ones_own(workspace, load, model):
    result = load('linear-fast-2s', **{'protocol.weights': [3, 1]}).run(workspace, ('joint', 'motion'))
    joint, motion = (workspace.predictions('linear-fast', modality)['scores'] for modality in ('joint', 'motion'))
    np.testing.assert_allclose(scores_of(workspace, result), (3 * joint + motion) / 4, rtol=1e-5)
    assert result.card.fusion == 'mean of scores, weights [3, 1]' and result.remarks == ['Weights: joint 3, motion 1.']


def test_a_modality_that_is_not_there(model, load):
    with pytest.raises(ValueError, match=r"'linear-3s' fuses joint, .* has no motion, bone.*fuse_pre"):
        load('linear-3s').check(replace(model, streams=dict(joint=model.streams['joint'])))


def test_weights_for_other_modalities(load):
    with pytest.raises(ValueError, match=r'fuses 3 modalities, but has 2 weights: \[1, 2\]'):
        load('linear-3s', **{'protocol.weights': [1, 2]})
