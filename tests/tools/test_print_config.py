from functools import partial
from pathlib import Path

import pytest
from mmengine.config import Config


@pytest.fixture
def config(tmp_path) -> Path:
    (tmp_path / 'base.py').write_text("model = dict(type='CMD', queue_size=16384)\nnames = ['[bold]']\n")
    path = tmp_path / 'config.py'
    path.write_text("_base_ = 'base.py'\nmodel = dict(queue_size=128)\n")
    return path


@pytest.fixture
def print_config(run_tool):
    return partial(run_tool, 'misc/print_config.py')


def test_printed_config_is_complete(print_config, config):
    status, out, err = print_config(config)
    assert (status, err) == (0, '')
    printed = Config.fromstring(out, '.py')
    assert printed.to_dict() == {'model': {'type': 'CMD', 'queue_size': 128}, 'names': ['[bold]']}


def test_overrides_are_applied(print_config, config):
    _, out, _ = print_config(config, '--cfg-options', 'model.queue_size=7', 'model.modalities=[joint,bone]')
    model = Config.fromstring(out, '.py').model
    assert model.queue_size == 7
    assert model.modalities == ['joint', 'bone']


@pytest.mark.parametrize('suffix', ['.py', '.json', '.yaml'])
def test_saved_config_loads_as_the_same(print_config, config, tmp_path, suffix):
    saved = tmp_path / 'new' / f'saved{suffix}'
    assert print_config(config, '--save-path', saved)[0] == 0
    assert Config.fromfile(saved).to_dict() == Config.fromfile(config).to_dict()
    assert [file.name for file in saved.parent.iterdir()] == [saved.name]


def test_saving_as_another_kind_is_an_error(print_config, config, tmp_path):
    status, out, err = print_config(config, '--save-path', tmp_path / 'saved.txt')
    assert (status, out) == (1, '')
    assert err.startswith('error: ') and '.py, .json' in err


def test_missing_config_is_an_error(print_config, tmp_path):
    status, out, err = print_config(tmp_path / 'nowhere.py')
    assert (status, out) == (1, '')
    assert err.startswith('error: ') and 'nowhere.py' in err


def test_broken_config_is_an_error_that_names_the_line(print_config, tmp_path):
    path = tmp_path / 'broken.py'
    path.write_text('a = 1\nb = = 2\n')
    status, _, err = print_config(path)
    assert status == 1
    assert str(path) in err and 'SyntaxError' in err and 'line 2' in err


def test_override_that_does_not_fit_is_an_error(print_config, config):
    status, _, err = print_config(config, '--cfg-options', 'names.5=x')
    assert status == 1
    assert err.startswith('error: ') and '5' in err
