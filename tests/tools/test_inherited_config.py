"""A config that inherits from an installed package's, as docs/configs.md says."""

import os
import subprocess
import sys

import numpy as np
import pytest
from workshop import ROOT, random_clip, write_store

CONFIG = """
_base_ = 'mmskelssl::skeletonclr/skeletonclr_bigru64_1xb64-30e_synthetic-xsub.py'
model = dict(layout='kinect20', num_persons=1, queue_size=27)
train_dataloader = dict(batch_size=8, num_workers=1, dataset=dict(store='store', split='train'))
val_dataloader = test_dataloader = dict(dataset=dict(store='store', split='test'))
train_cfg = dict(max_epochs=1)
auto_scale_lr = dict(base_batch_size=8)
"""


def call(*command, folder, **environment):
    environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': '', **environment}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=3600)
    assert not done.returncode, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    """A folder into which a wheel of the package is installed."""
    folder = tmp_path_factory.mktemp('wheel')
    pip = sys.executable, '-m', 'pip'
    call(*pip, 'wheel', '--no-deps', '--no-build-isolation', '-w', 'dist', ROOT, folder=folder)
    call(*pip, 'install', '--no-deps', '--target', 'site', *(folder / 'dist').glob('*.whl'), folder=folder)
    return folder / 'site'


@pytest.fixture
def run_installed(site, tmp_path):
    """Runs a tool of the installed package outside of the checkout."""
    tools = site / 'mmskelssl' / '.mim' / 'tools'
    return lambda tool, *arguments: call(
        sys.executable, tools / tool, *arguments, folder=tmp_path, PYTHONPATH=str(site)
    )


@pytest.mark.slow
@pytest.mark.parametrize('options', [[], ['--check']])
def test_it_trains_from_a_wheel_outside_of_the_checkout(tmp_path, run_installed, options):
    write_store(tmp_path / 'store', train=27, test=13)
    (tmp_path / 'mine.py').write_text(CONFIG)
    output = run_installed('train.py', 'mine.py', '--work-dir', 'w', *options)
    assert 'pkg_resources' not in output
    assert 'mine.py passes.' in output if options else (tmp_path / 'w/epoch_1.pth').exists()


@pytest.mark.slow
def test_a_wheel_brings_weights_that_classify(tmp_path, run_installed):
    np.save(tmp_path / 'hand.npy', random_clip(1, 40, 22))
    assert '\nhand\n' in run_installed('infer.py', 'hand.npy')


def test_a_checkpoint_of_it_is_evaluated(tmp_path, run_tool, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_store(tmp_path / 'store', train=27, test=13)
    (tmp_path / 'mine.py').write_text(CONFIG)
    assert run_tool('train.py', 'mine.py', '--work-dir', 'w')[0] == 0
    status, out, err = run_tool('evaluate.py', 'w/epoch_1.pth', '--protocols', 'knn')
    assert status == 0, err
    assert 'knn' in out
