import argparse

import pytest
from workshop import make_workshop

from mmskelssl.cli import launch
from mmskelssl.registry import RUNNERS


class Runner:
    """Notes the config that it is built from."""

    def __init__(self, cfg):
        self.cfg = cfg

    def train(self):
        Runner.seen = self.cfg


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Starts a run that ends at once; gives the config that it got."""
    monkeypatch.chdir(make_workshop(tmp_path, train=5, test=3))
    monkeypatch.setattr(RUNNERS, 'build', Runner)

    def start(**options):
        args = argparse.Namespace(config='pretrain.py', cfg_options=options, launcher='none', work_dir='work')
        assert launch.run_config(lambda: launch.load_config(args), 'train') == 0
        return Runner.seen

    return start


def test_resuming_where_nothing_is_is_said(start, capsys):
    assert not start(resume=True).resume
    assert 'warning: work has no checkpoint to resume from: training begins at the start' in capsys.readouterr().err


@pytest.mark.parametrize('is_main', [True, False])
def test_warnings_are_said_by_one_process(start, capsys, monkeypatch, is_main):
    monkeypatch.setattr(launch, 'is_main_process', lambda: is_main)
    monkeypatch.setattr(launch, 'get_world_size', lambda: 2)
    start()
    assert capsys.readouterr().err.count('this run has 16 (8 x 2 processes x 1 accumulated)') == is_main
