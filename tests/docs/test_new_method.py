"""The page on own methods does what it says."""

import re
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmskelssl.models.losses import info_nce
from mmskelssl.registry import MODELS
from mmskelssl.utils import register_all_modules

PAGE = Path(__file__).parents[2] / 'docs' / 'new_method.md'


@pytest.fixture
def page_files(tmp_path, monkeypatch):
    """The page's Python blocks as the files that their first lines name."""
    for name, code in re.findall(r'```python\n# (\S+)\n(.+?)```', PAGE.read_text(encoding='utf-8'), re.DOTALL):
        (tmp_path / name).write_text(code, encoding='utf-8')
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop('nnclr', None)
    MODELS.module_dict.pop('NNCLR', None)


def test_page_is_short(page_files):
    assert sum(len(path.read_text().splitlines()) for path in page_files.iterdir()) < 80


def test_method_of_the_page_trains_on_the_nearest_neighbour(page_files):
    register_all_modules()
    cfg = Config.fromfile(page_files / 'nnclr_nw-ucla.py')
    model = MODELS.build(cfg.model)
    assert type(model).__name__ == 'NNCLR'
    views = [torch.randn(4, 1, 32, 20, 3) for _ in range(2)]
    losses = model(views, mode='loss')

    query = model.encode(model.encoder_q, views[0])['motion']
    bank = model.bank['motion']
    neighbour = bank[(model.keys['motion'] @ bank.T).argmax(1)]
    expected = info_nce((query * neighbour).sum(1), query @ bank.T, 0.1)
    torch.testing.assert_close(losses['loss_motion'], expected, rtol=1e-3, atol=1e-4)
    losses['loss_motion'].backward()
    assert all(p.grad is not None for p in model.encoder_q.parameters())
