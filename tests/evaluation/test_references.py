"""References of a checkpoint: what they are and on which data, and that a bad encoder is marked beside them."""

from functools import partial

import numpy as np
import pytest
import torch

from mmskelssl.datasets import ClipStore
from mmskelssl.evaluation.evaluate import evaluate
from mmskelssl.evaluation.protocols import load_protocol
from mmskelssl.evaluation.reading import pretraining_config, read_pretrained
from mmskelssl.evaluation.references import cheap_forms, references_of
from mmskelssl.evaluation.results import load_report, marks
from mmskelssl.registry import MODELS
from mmskelssl.utils.config import model_config

from .conftest import pretraining


def found(model, folder, names, seed=0):
    cfg = pretraining_config(model.checkpoint)
    return references_of(model, cfg, [load_protocol(name) for name in names], folder, load_protocol, seed)


def names_of(reference):
    return [protocol.name for protocol in reference.protocols]


@pytest.mark.parametrize(
    ('name', 'forms'),
    [
        ('knn20', ['knn20']),
        ('linear', ['linear-fast']),
        ('linear-mmcv-fast', ['linear-mmcv-fast']),
        ('linear-3s', ['linear-fast', 'linear-fast-3s']),
        ('knn-2s', ['knn', 'knn-2s']),
        ('finetune', []),
    ],
)
def test_protocols_that_train_are_measured_in_their_fast_form_or_not_at_all(name, forms):
    assert [protocol.name for protocol in cheap_forms(load_protocol(name), load_protocol)] == forms


def test_references_see_the_data_and_the_streams_of_the_model(model, tmp_path):
    raw, random, centred = found(model, tmp_path, ['knn20', 'knn20-3s', 'linear-fast'], seed=4)
    assert [r.name for r in (raw, random, centred)] == ['raw', 'random-seed4', 'raw-centerclip']
    assert random.model.method == 'random encoder, seed 4' and random.model.modalities == model.modalities
    assert (raw.model.method, raw.model.modalities) == ('raw coordinates', ('joint',))
    assert raw.model.train_set == random.model.train_set == model.train_set
    assert names_of(random) == ['knn20', 'knn20-3s', 'linear-fast']
    assert names_of(raw) == names_of(centred) == ['knn20', 'linear-fast']
    # The coordinates' learning rate is not the encoder's.
    rates = [r.protocols[-1].cfg.optim_wrapper.optimizer.lr for r in (random, raw, centred)]
    assert rates == [0.1, 0.01, 0.01]
    assert [step['type'] for step in centred.model.test_pipeline] == ['CenterClip', 'CenterCropResize']
    assert found(model, tmp_path, ['finetune']) == []


def test_neighbours_of_coordinates_are_looked_for_without_the_mean_pose_too(model, tmp_path):
    made = []

    def load(name):
        if not name.endswith('-centred'):
            return load_protocol(name)
        made.append(load_protocol('knn'))
        made[-1].name = name
        return made[-1]

    cfg = pretraining_config(model.checkpoint)
    raw, random, _ = references_of(model, cfg, [load('knn')], tmp_path, load)
    assert names_of(raw) == ['knn', 'knn-centred'] and names_of(random) == ['knn']


def test_an_encoder_that_loses_what_coordinates_say_is_marked(tmp_path):
    """The class is where a joint stands; the encoder's weights are zero, and so are its features."""
    random = np.random.default_rng(0)
    with ClipStore.create(tmp_path / 'planted', 'kinect20', ['left', 'right']) as writer:
        for number in range(36):
            clip = 0.1 * random.standard_normal((1, 10, 20, 3))
            clip[:, :, 5, 0] += 3 * (-1) ** number
            writer.add(f'c{number}', number % 2, clip)
        writer.splits.update(train=range(24), test=range(24, 36))
    cfg = pretraining(tmp_path / 'planted', modalities=['joint'])
    state = {name: torch.zeros_like(value) for name, value in MODELS.build(model_config(cfg)).state_dict().items()}
    torch.save(dict(state_dict=state, meta=dict(cfg=cfg.pretty_text)), tmp_path / 'bad.pth')
    model, root = read_pretrained(str(tmp_path / 'bad.pth')), tmp_path / 'evaluation'
    protocols = [load_protocol('knn'), load_protocol('linear-fast')]
    make = partial(references_of, model, cfg, protocols, root / 'references', load_protocol)
    report = evaluate(model, protocols, root, references=make())
    raw = [r.metrics['top1'].mean for r in report.references if r.card.method.startswith('raw')]
    assert len(raw) >= 4 and set(raw) == {100.0}
    for result in report.results:
        assert result.metrics['top1'].mean == 50.0
        assert '↓raw' in [mark.sign for mark in marks(report, result)]
    assert load_report(root) == report
    # Again: what was measured is kept, and without references they stay in the report.
    times = {path: path.stat().st_mtime_ns for path in root.rglob('result.json')}
    assert evaluate(model, protocols, root, references=make()).references == report.references
    assert evaluate(model, protocols, root).references == report.references
    assert {path: path.stat().st_mtime_ns for path in root.rglob('result.json')} == times
