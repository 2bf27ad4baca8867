from dataclasses import replace

import numpy as np
import pytest
import torch

from mmskelssl.evaluation import features as module
from mmskelssl.evaluation.features import encode, load_features
from mmskelssl.evaluation.reading import read_pretrained
from mmskelssl.evaluation.workspace import Workspace
from mmskelssl.utils.errors import ReportError

from .conftest import VIEW, pretraining


def test_features_are_the_encoders(model, tmp_path):
    features, path = Workspace(model, tmp_path).features('bone', 'test')
    test, encoder = model.test_clips, model.encoder('bone')
    with torch.no_grad():
        expected = encoder(**encoder.data_preprocessor(test.__getitems__(range(len(test)))))['bone']
    torch.testing.assert_close(features.values[0], expected)
    assert (features.names == test.names).all() and (features.labels.numpy() == test.labels).all()
    assert np.load(path)['features'].shape == (30, 16)


def test_crops_differ_and_are_the_same_every_time(model):
    encoder = model.encoder('joint', VIEW[:1])
    crops, two, other = (
        encode(encoder, model.train_clips, **options)['joint']
        for options in (dict(num_crops=3), dict(num_crops=2), dict(seed=1))
    )
    assert crops.shape == (3, 60, 16) and not torch.allclose(crops[0], crops[1])
    torch.testing.assert_close(two, crops[:2])
    assert not torch.allclose(other[0], crops[0])


def test_nothing_stale_is_taken(model, store, make_checkpoint, tmp_path):
    """Other weights, side, views, crops or seed: another file, other features."""
    other = read_pretrained(make_checkpoint(pretraining(store), seed=1))
    shorter = replace(model, test_pipeline=[dict(model.test_pipeline[0], ratio=0.5)])
    asked = [
        Workspace(model, tmp_path).features('joint', 'test'),
        Workspace(model, tmp_path).features('motion', 'test'),
        Workspace(other, tmp_path).features('joint', 'test'),
        Workspace(shorter, tmp_path).features('joint', 'test'),
        Workspace(model, tmp_path).features('joint', 'train'),
        Workspace(model, tmp_path).features('joint', 'train', VIEW[:1], num_crops=2),
        Workspace(model, tmp_path).features('joint', 'train', VIEW[:1], num_crops=2, seed=1),
    ]
    assert len({path for _, path in asked}) == len(asked)
    values = [features.values for features, _ in asked]
    assert not any(torch.equal(a, b) for i, a in enumerate(values) for b in values[:i])


def test_a_file_of_other_weights_is_refused(model, store, make_checkpoint, tmp_path):
    other = read_pretrained(make_checkpoint(pretraining(store), seed=1))
    _, own = Workspace(model, tmp_path).features('joint', 'test')
    _, foreign = Workspace(other, tmp_path).features('joint', 'test')
    foreign.replace(own)
    with pytest.raises(ReportError, match=r'joint-.*\.npz are of another weights: delete the file'):
        Workspace(model, tmp_path).features('joint', 'test')
    assert load_features(own).values.shape == (1, 30, 16)


def test_a_full_disk_leaves_nothing_half_written(model, tmp_path, monkeypatch):
    def fill(file, **arrays):
        file.write(b'some')
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(np, 'savez', fill)
    with pytest.raises(OSError, match='No space left on device'):
        Workspace(model, tmp_path).features('joint', 'test')
    assert not list((tmp_path / 'features').iterdir())
    monkeypatch.undo()
    assert module.load_features(Workspace(model, tmp_path).features('joint', 'test')[1]).values.shape[1] == 30
