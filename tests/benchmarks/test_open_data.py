import importlib
import shlex

import numpy as np
import pytest
from mmengine.config import Config
from workshop import write_store

from mmskelssl.datasets import ClipStore
from mmskelssl.registry import MODELS
from mmskelssl.utils.config import model_config


@pytest.fixture
def open_data(benchmark):
    """The script as a module; the fixture lets it be imported."""
    return importlib.import_module('open_data')


def methods(folder):
    return sorted(path.stem for path in folder.glob('*.py') if path.stem != 'common')


def test_every_method_gets_numbers_that_fit_the_set(open_data, tmp_path):
    write_store(tmp_path / 'store', xview_train=200, test=8)
    store = ClipStore(tmp_path / 'store')
    for method in methods(open_data.METHODS):
        (tmp_path / 'run.py').write_text(open_data.config_text(method, 'nw_ucla_xview', 3, 40, store, 'xview_train'))
        cfg = Config.fromfile(tmp_path / 'run.py')
        model = MODELS.build(model_config(cfg))
        model.check_batch(open_data.BATCH, '')
        assert (cfg.train_cfg.max_epochs, cfg.randomness.seed, model.layout.name) == (10, 3, 'kinect20')
        assert not hasattr(model, 'bank') or model.bank.size == (200 if 'redelab' in method else 100)


@pytest.mark.slow
def test_a_table_of_one_method(open_data, benchmark, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_store(tmp_path / 'data' / 'nw_ucla', xview_train=130, xview_test=20)
    arguments = shlex.split(
        '--methods skeletonclr --sets nw_ucla_xview --seeds 0 1 --steps 2 --protocols knn --out table.md'
    )
    assert benchmark('open_data', *arguments)[0] == 0
    text = (tmp_path / 'table.md').read_text()
    rows = {line.split('|')[1].strip(): line.split('|')[2:] for line in text.splitlines() if line.startswith('|')}
    assert '## nw_ucla_xview' in text and {'raw coordinates', 'random encoder, seed 0', 'skeletonclr'} <= rows.keys()
    values = rows['skeletonclr'][0].split(' ± ')
    assert len(values) == 2 and np.isfinite([float(value) for value in values]).all()
    made = sorted(tmp_path.rglob('epoch_*.pth'))
    times = [path.stat().st_mtime_ns for path in made]
    assert benchmark('open_data', *arguments)[0] == 0  # nothing is trained again
    assert [path.stat().st_mtime_ns for path in made] == times and len(made) >= 2
