"""FrozenBackboneHook and ClassificationReportHook."""

import json
import logging
from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from torch import nn

from mmskelssl.engine.hooks import ClassificationReportHook, FrozenBackboneHook
from mmskelssl.evaluation import Accuracy


@pytest.fixture
def frozen_runner():
    model = nn.Module()
    model.frozen = True
    model.backbone = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    model.head = nn.Linear(2, 2)
    return SimpleNamespace(model=model, logger=logging.getLogger('test'))


def test_unchanged_backbone_is_verified_and_said_so(frozen_runner, caplog):
    hook = FrozenBackboneHook()
    hook.before_train(frozen_runner)
    frozen_runner.model.head.weight.data.zero_()
    with caplog.at_level('INFO'):
        hook.after_train(frozen_runner)
    assert 'Frozen backbone verified: 7 tensors are bitwise unchanged.' in caplog.text


@pytest.mark.parametrize('what', ['0.weight', '1.running_mean', '1.num_batches_tracked'])
def test_changed_backbone_is_an_error_that_names_what_changed(frozen_runner, what):
    hook = FrozenBackboneHook()
    hook.before_train(frozen_runner)
    frozen_runner.model.backbone.state_dict()[what].add_(1)
    # A fault of the program, not of the config: it says frozen.
    with pytest.raises(RuntimeError, match=rf"changed during training: \['{what}'\], although model.frozen=True"):
        hook.after_train(frozen_runner)


@pytest.mark.parametrize('frozen', [False, None], ids=['not frozen', 'says nothing of it'])
def test_other_models_may_change(frozen_runner, caplog, frozen):
    del frozen_runner.model.frozen
    if frozen is not None:
        frozen_runner.model.frozen = frozen
    hook = FrozenBackboneHook()
    hook.before_train(frozen_runner)
    frozen_runner.model.backbone[0].weight.data.add_(1)
    with caplog.at_level('INFO'):
        hook.after_train(frozen_runner)
    assert 'Frozen' not in caplog.text


@pytest.fixture
def report_runner(tmp_path):
    metric = Accuracy(topk=(1,))
    metric.dataset_meta = dict(classes=['sit', 'stand', 'wave'])
    scores = torch.eye(3)[[0, 0, 1, 2]]
    metric.process({}, [dict(index=torch.arange(4), labels=torch.tensor([0, 1, 1, 2]), scores=scores)])
    metric.evaluate(4)
    loop = SimpleNamespace(evaluator=SimpleNamespace(metrics=[metric]))
    return SimpleNamespace(work_dir=str(tmp_path), val_loop=loop, test_loop=loop, logger=logging.getLogger('test'))


@pytest.mark.parametrize('stage', ['after_train', 'after_test'])
def test_report_is_written(report_runner, tmp_path, stage):
    getattr(ClassificationReportHook(), stage)(report_runner)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['classification.json', 'confusion.png']
    report = json.loads((tmp_path / 'classification.json').read_text())
    assert report == {
        'classes': ['sit', 'stand', 'wave'],
        'per_class_accuracy': {'sit': 100, 'stand': 50, 'wave': 100},
        'confusion': [[1, 0, 0], [1, 1, 0], [0, 0, 1]],
    }
    assert min(Image.open(tmp_path / 'confusion.png').size) > 100


def test_nothing_is_written_without_an_evaluation(report_runner, tmp_path):
    report_runner.val_loop = None
    ClassificationReportHook().after_train(report_runner)
    report_runner.test_loop.evaluator.metrics = [Accuracy(), SimpleNamespace()]
    ClassificationReportHook().after_test(report_runner)
    assert list(tmp_path.iterdir()) == []
