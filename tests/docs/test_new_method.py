"""The page on new methods does what it says."""

import re
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmskelssl.cli.config_check import check_config
from mmskelssl.models.losses import info_nce
from mmskelssl.registry import MODELS
from mmskelssl.utils import register_all_modules
from mmskelssl.utils.config import model_config

PAGE = Path(__file__).parents[2] / 'docs' / 'new_method.md'


@pytest.fixture
def page_files(tmp_path, monkeypatch):
    """The page's Python blocks as the files that their first lines name."""
    for name, code in re.findall(r'```python\n# (\S+)\n(.+?)```', PAGE.read_text(encoding='utf-8'), re.DOTALL):
        (tmp_path / name).write_text(code, encoding='utf-8')
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for module, kind in (('nnclr', 'NNCLR'), ('simsiam', 'SimSiam'), ('byol', 'BYOL')):
        sys.modules.pop(module, None)
        MODELS.module_dict.pop(kind, None)


@pytest.fixture
def views():
    return [torch.randn(4, 1, 32, 20, 3) for _ in range(2)]


def build(path):
    register_all_modules()
    cfg = Config.fromfile(path)
    assert not [finding for finding in check_config(cfg) if finding.is_mistake]
    return MODELS.build(model_config(cfg))


@pytest.mark.parametrize('name', ['simsiam', 'nnclr'])
def test_a_method_is_short(page_files, name):
    assert sum(len((page_files / f).read_text().splitlines()) for f in (f'{name}.py', f'{name}_nw-ucla.py')) < 50


def test_method_with_a_bank_learns_from_the_nearest_neighbour(page_files, views):
    model = build(page_files / 'nnclr_nw-ucla.py')
    losses = model(views, mode='loss')
    query = model.encode(model.encoder, views[0])['motion']
    bank = model.bank['motion']
    neighbour = bank[(model.keys['motion'] @ bank.T).argmax(1)]
    expected = info_nce((query * neighbour).sum(1), query @ bank.T, 0.1)
    torch.testing.assert_close(losses['loss_motion'], expected, rtol=1e-3, atol=1e-4)
    losses['loss_motion'].backward()
    assert all(p.grad is not None for p in model.encoder.parameters())


def test_method_without_negatives_is_lowest_where_predictions_are_the_other_view(page_files, views):
    model = build(page_files / 'simsiam_nw-ucla.py')
    model(views, mode='loss')['loss_motion'].backward()
    assert all(p.grad is not None for p in model.parameters())
    model.predictor['motion'] = torch.nn.Identity()
    same = model([views[0], views[0]], mode='loss')['loss_motion']
    torch.testing.assert_close(same, torch.tensor(-1.0))


def test_method_with_a_momentum_encoder_moves_it_and_leaves_it_without_gradient(page_files, views):
    text = (page_files / 'simsiam_nw-ucla.py').read_text().replace('simsiam', 'byol').replace('SimSiam', 'BYOL')
    (page_files / 'byol_nw-ucla.py').write_text(text)
    model = build(page_files / 'byol_nw-ucla.py')
    model(views, mode='loss')['loss_motion'].backward()
    assert all((p.grad is None) == name.startswith('encoder_k') for name, p in model.named_parameters())
    model.momenta['encoder_k'] = 0.0
    torch.nn.init.zeros_(model.encoder['motion'].neck[0].weight)
    model.before_update()
    assert not model.encoder_k['motion'].neck[0].weight.any()
