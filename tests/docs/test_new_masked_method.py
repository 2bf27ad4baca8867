"""The page on new masked methods does what it says."""

import re
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmskelssl.cli.config_check import check_config
from mmskelssl.registry import MODELS
from mmskelssl.utils.config import model_config

PAGE = Path(__file__).parents[2] / 'docs' / 'new_masked_method.md'


@pytest.fixture
def model(tmp_path, monkeypatch):
    for name, code in re.findall(r'```python\n# (\S+)\n(.+?)```', PAGE.read_text(encoding='utf-8'), re.DOTALL):
        (tmp_path / name).write_text(code, encoding='utf-8')
    monkeypatch.syspath_prepend(str(tmp_path))
    cfg = Config.fromfile(tmp_path / 'masked_acceleration_nw-ucla.py')
    assert check_config(cfg) == []
    yield MODELS.build(model_config(cfg))
    sys.modules.pop('masked_acceleration', None)
    MODELS.module_dict.pop('MaskedAcceleration', None)


def test_whole_joints_are_hidden_and_their_acceleration_is_predicted(model):
    assert (model.layout.name, model.backbone('joint').num_frames) == ('kinect20', 64)
    persons = torch.randn(3, 64, 20, 3)
    kept = model.choose(persons, torch.rand(3, 320), 4)
    assert kept.shape == (3, 3 * 16)  # int(20 * (1 - 0.8)) is 3 by rounding
    for row in kept:
        assert len(set((row % 20).tolist())) == 3 and len(set(row.tolist())) == 48
    target = model.targets('joint', persons)[1, 2 * 20 + 7]
    x = persons[1, :, 7]
    raw = torch.cat([x[t + 2] - 2 * x[t + 1] + x[t] for t in range(8, 12)])
    torch.testing.assert_close(target, (raw - raw.mean()) / (raw.var() + 1e-6).sqrt(), atol=1e-5, rtol=1e-5)


def test_it_learns(model):
    (loss,) = model([torch.randn(3, 1, 64, 20, 3)], dict(keys=torch.arange(3)), mode='loss').values()
    loss.backward()
    assert all(p.grad is not None for p in model.parameters())
