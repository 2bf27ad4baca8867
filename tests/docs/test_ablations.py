"""Every row of the table of ablations is a run that the config check lets pass, and another one than its config."""

import re
from pathlib import Path

import pytest
from mmengine.config import DictAction

from mmskelssl.cli.config_check import check_config
from mmskelssl.utils.config import read_config

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / 'configs' / 'i2md' / 'ablations.md').read_text(encoding='utf-8')
CONFIGS = dict(re.findall(r'^\| (\S+) \| `(configs/\S+\.py)` \|$', TEXT, re.MULTILINE))
ROWS = sorted(set(re.findall(r'\| (CMD|CrosSCLR-B|I²MD) \| `([^`]+=[^`]+)` \|', TEXT)))


def test_the_page_has_configs_and_rows():
    assert len(CONFIGS) == 3 and len(ROWS) > 25


@pytest.mark.parametrize('name, overrides', ROWS)
def test_overrides_fit_their_config(name, overrides):
    pairs = (override.split('=', 1) for override in overrides.split())
    options = {key: DictAction._parse_iterable(value) for key, value in pairs}
    cfg = read_config(ROOT / CONFIGS[name], options)
    assert not check_config(cfg)
    plain = read_config(ROOT / CONFIGS[name])
    assert all(section in cfg for section in ('model', 'train_dataloader'))
    assert cfg.model != plain.model
