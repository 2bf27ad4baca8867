"""The examples on own data, in the README and on their page, do what they say."""

import re
import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

from mmskelssl.cli.config_check import check_config
from mmskelssl.datasets import ClipStore, SkeletonDataset
from mmskelssl.datasets.layouts import get_layout
from mmskelssl.registry import DATASETS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / 'README.md', ROOT / 'docs' / 'data' / 'own_data.md']


def blocks(page):
    text = page.read_text(encoding='utf-8')
    if page.name == 'README.md':
        text = text[text.index('## Your own data') : text.index('## Looking')]
    return re.findall(r'```python\n(.+?)```', text, re.DOTALL)


@pytest.fixture(params=PAGES, ids=lambda page: page.name)
def example(request, tmp_path, monkeypatch):
    """The example's blocks as the files that their first lines name, among the configs; its store is made."""
    shutil.copytree(ROOT / 'configs' / '_base_', tmp_path / 'configs' / '_base_')
    (tmp_path / 'configs' / 'skeletonclr').mkdir()
    for code in blocks(request.param):
        if 'ClipStore.create' in code:
            (tmp_path / 'make_store.py').write_text(code, encoding='utf-8')
        elif match := re.match(r'# (configs/\S+)\n', code):
            (tmp_path / match[1]).write_text(code, encoding='utf-8')
    monkeypatch.chdir(tmp_path)
    runpy.run_path('make_store.py')
    return tmp_path


def test_store_and_config_fit(example):
    store = ClipStore('data/mine')
    assert (len(store), store.classes) == (40, ['wave', 'kick']) and set(store.splits) == {'train', 'test'}
    assert store.attributes['subject'].tolist() == [i // 4 for i in range(40)]
    assert store.labels.tolist() == [i % 2 for i in range(40)]
    cfg = Config.fromfile('configs/skeletonclr/mine.py')
    assert not [finding for finding in check_config(cfg) if finding.is_mistake]
    sizes = {}
    for stage in ('train', 'val', 'test'):
        dataset = DATASETS.build(cfg[f'{stage}_dataloader'].dataset)
        assert isinstance(dataset, SkeletonDataset) and dataset.store.path == Path('data/mine')
        sizes[stage] = len(dataset)
    assert sizes == dict(train=30, val=10, test=10)
    assert get_layout(cfg.model.layout) == store.layout and cfg.model.num_persons == store.num_persons.max()


def test_the_template_is_the_example():
    template = (ROOT / 'configs' / '_base_' / 'sets' / 'own.py').read_text(encoding='utf-8').partition('\n')[2]
    for page in PAGES:
        (example,) = [code for code in blocks(page) if code.startswith('# configs/_base_/sets/mine.py')]
        assert example.partition('\n')[2].replace('batch_size=16, ', '') == template


def test_custom_layout_of_the_page():
    (code,) = [code for code in blocks(PAGES[1]) if code.startswith('layout = dict(')]
    names = {}
    exec(code, names)
    layout = get_layout(names['layout'])
    assert layout.num_joints == 4 and np.isin(layout.spine, (0, 3)).all()
