"""Training that is stopped, killed or damaged, through the real tools."""

import json
import os
import re
import signal
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from workshop import ROOT, command_and_environment, run, write_store

from mmskelssl.datasets.clip_store import ClipStore

# Dropout, two loader workers, a schedule by iteration; 4 iterations an epoch.
CONFIG = f"""
_base_ = [
    '{ROOT}/configs/_base_/models/skeletonclr_bigru.py',
    '{ROOT}/configs/_base_/knn_monitor.py',
    '{ROOT}/configs/_base_/schedules/sgd_cosine_30e.py',
    '{ROOT}/configs/_base_/default_runtime.py',
]
custom_imports = dict(imports=['faults'])
model = dict(
    layout='kinect20',
    num_persons=1,
    backbone=dict(
        _delete_=True, type='GCNTransformer', gcn_channels=2, width=8, num_layers=1,
        num_heads=2, ffn_channels=8, dropout=0.3,
    ),
    queue_size=40,
    feat_dim=4,
    momentum=0.9,
)
view = [dict(type='TemporalCropResize', num_frames=8, min_frames=8), dict(type='Shear')]
data_preprocessor = dict(
    type='SkeletonDataPreprocessor',
    train_pipeline=[dict(type='MultiView', transforms=view)],
    test_pipeline=[dict(type='CenterCropResize', num_frames=8)],
)
train_dataloader = dict(batch_size=8, dataset=dict(store='store', split='train'))
val_dataloader = dict(batch_size=8, num_workers=0, dataset=dict(store='store', split='test'))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=3, val_interval=1)
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=3, max_keep_ckpts=2))
randomness = dict(deterministic=True)
find_unused_parameters = True  # the cross-attention
custom_hooks = [dict(type='Fault')]
"""

# FAULT=KIND:ITERATION makes a run suffer it there.
FAULTS = """
import os
import signal

from mmengine.dist import get_rank
from mmengine.hooks import Hook

from mmskelssl.registry import HOOKS


@HOOKS.register_module()
class Fault(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        kind, _, iteration = os.environ.get('FAULT', '').partition(':')
        if iteration == str(runner.iter):
            getattr(self, kind)(runner)

    def before_val_epoch(self, runner):
        kind, _, epoch = os.environ.get('FAULT', '').partition(':val')
        if epoch == str(runner.epoch):
            getattr(self, kind)(runner)

    def SIGTERM(self, runner):
        os.kill(os.getpid(), signal.SIGTERM)

    def SIGTERM_everywhere(self, runner):
        for worker in runner.train_dataloader._iterator._workers:
            os.kill(worker.pid, signal.SIGTERM)
        os.system(f'kill -TERM {os.getpid()}')

    def SIGINT(self, runner):
        os.kill(os.getpid(), signal.SIGINT)

    def SIGKILL(self, runner):
        os.kill(os.getpid(), signal.SIGKILL)

    def SIGTERM_to_the_launcher(self, runner):
        if get_rank() == 1:
            os.kill(os.getppid(), signal.SIGTERM)

    def kill_worker(self, runner):
        os.kill(runner.train_dataloader._iterator._workers[0].pid, signal.SIGKILL)

    def cut_store(self, runner):
        os.truncate('store/frames.bin', 0)

    def remove_store(self, runner):
        os.remove('store/frames.bin')

    def fail_on_one_rank(self, runner):
        if get_rank() == 1:
            raise ValueError('one rank has had enough')
"""


@pytest.fixture(scope='module')
def workshop(tmp_path_factory):
    folder = tmp_path_factory.mktemp('workshop')
    write_store(folder / 'store', train=27, test=11)
    (folder / 'config.py').write_text(CONFIG)
    (folder / 'faults.py').write_text(FAULTS)
    return folder


@pytest.fixture
def train(workshop, monkeypatch):
    def train(work_dir, *options, processes=1, fault='', status=0, folder=workshop):
        monkeypatch.setenv('FAULT', fault)
        tool, number = ('dist_train.sh', [processes]) if processes > 1 else ('train.py', [])
        options = ['--cfg-options', f'train_dataloader.batch_size={8 // processes}', *options]
        return run(tool, folder, 'config.py', *number, '--work-dir', work_dir, '--resume', *options, status=status)

    return train


def end(work_dir):
    """State and metrics that a run ends with."""
    checkpoint = torch.load(work_dir / 'iter_12.pth', weights_only=False)
    logs = sorted(work_dir.glob('*/vis_data/scalars.json'))
    rows = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
    metrics = {row['step']: row['knn/joint_top1'] for row in rows if 'knn/joint_top1' in row}
    return SimpleNamespace(
        weights=checkpoint['state_dict'],
        momenta={key: state['momentum_buffer'] for key, state in checkpoint['optimizer']['state'].items()},
        schedules=checkpoint['param_schedulers'],
        metrics=metrics,
    )


def assert_same_end(ours, theirs):
    for name in ('weights', 'momenta'):
        left, right = getattr(ours, name), getattr(theirs, name)
        assert left.keys() == right.keys() and left
        assert [key for key in left if not torch.equal(left[key], right[key])] == []
    assert ours.schedules == theirs.schedules
    assert ours.metrics == theirs.metrics and len(ours.metrics) == 3


def test_a_run_stopped_again_and_again_is_the_uninterrupted_one(train, workshop):
    train('whole')
    output = train('stopped', fault='SIGTERM_everywhere:1', status=75)
    assert 'Stopped by SIGTERM after iteration 2; --resume goes on from there.' in output
    assert [path.name for path in (workshop / 'stopped').glob('*.pth')] == ['iter_2.pth']
    train('stopped', fault='SIGKILL:7', status=-9)
    output = train('stopped', fault='SIGINT:val2', status=130)
    assert 'after iteration 8' in output and 'Epoch(train) [3]' not in output
    # The newest checkpoint is damaged meanwhile: the one before does as well.
    newest = workshop / 'stopped' / 'iter_8.pth'
    content = bytearray(newest.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 1000] = bytes(byte ^ 1 for byte in content[middle : middle + 1000])
    newest.write_bytes(content)
    output = train('stopped')
    assert 'iter_8.pth is damaged' in output and 'going on from 6' in output
    assert_same_end(end(workshop / 'stopped'), end(workshop / 'whole'))


@pytest.mark.slow
def test_processes_stop_and_go_on_together(train, workshop):
    train('whole-2', processes=2)
    output = train('stopped-2', processes=2, fault='SIGTERM_to_the_launcher:1', status=75)
    assert 'Traceback' not in output
    train('stopped-2', processes=2)
    assert_same_end(end(workshop / 'stopped-2'), end(workshop / 'whole-2'))


def test_a_failure_of_one_rank_ends_all(train):
    output = train('failed', processes=2, fault='fail_on_one_rank:1', status=1)
    assert 'ValueError: one rank has had enough' in output  # with its traceback


@pytest.mark.parametrize('processes', [1, 2])
def test_a_clip_with_nan_stops_all_processes_and_is_named(train, tmp_path, processes):
    write_store(tmp_path / 'store', train=27, test=11)
    (tmp_path / 'config.py').write_text(CONFIG)
    (tmp_path / 'faults.py').write_text(FAULTS)
    store = ClipStore(tmp_path / 'store')
    frames = np.memmap(tmp_path / 'store' / 'frames.bin', 'float32', 'r+', shape=store.frames.shape)
    frames[store.offsets[5] : store.offsets[6]] = np.nan
    frames.flush()
    output = train('nan', processes=processes, status=1, folder=tmp_path)
    (clips,) = set(re.findall(r'the loss is not finite \(.*Clips of this update: (.*)\.', output))
    assert len(clips.split(', ')) == 8 and 'clip 5' in clips.split(', ')


def test_a_killed_worker_ends_the_run(train):
    output = train('killed-worker', fault='kill_worker:1', status=1)
    assert 'error: A loader worker died' in output


@pytest.mark.parametrize('workers', [0, 1, 4])
@pytest.mark.parametrize('fault', ['cut_store', pytest.param('remove_store', marks=pytest.mark.slow)])
def test_a_store_that_vanishes_ends_the_run_or_does_not_matter(train, tmp_path, workers, fault):
    write_store(tmp_path / 'store', train=27, test=11)
    (tmp_path / 'config.py').write_text(CONFIG)
    (tmp_path / 'faults.py').write_text(FAULTS)
    options = [f'train_dataloader.num_workers={workers}', f'train_dataloader.persistent_workers={workers > 0}']
    # Workers have the first epoch's batches ready by then; no validation, which reads without workers, before the next.
    options.append('train_cfg.val_interval=3')
    if fault == 'remove_store':
        # What is mapped stays.
        train('work', *options, fault=f'{fault}:1', folder=tmp_path)
        return
    status = 1 if workers else -signal.SIGBUS
    output = train('work', *options, fault=f'{fault}:1', status=status, folder=tmp_path)
    assert ('A loader worker died' if workers else 'Bus error') in output, output


@pytest.mark.parametrize(('status', 'job', 'requeued'), [(75, '7', True), (75, '', False), (1, '7', False)])
def test_slurm_requeues_what_was_stopped(tmp_path, status, job, requeued):
    for name, body in dict(srun=f'echo "$@" >> calls; exit {status}', scontrol='echo "scontrol $@" >> calls').items():
        (tmp_path / name).write_text(f'#!/bin/sh\n{body}\n')
        (tmp_path / name).chmod(0o755)
    command, environment = command_and_environment('slurm_train.sh', tmp_path)
    environment |= dict(PATH=f'{tmp_path}:{os.environ["PATH"]}', SLURM_JOB_ID=job, SLURM_RESTART_COUNT='1', GPUS='2')
    result = subprocess.run([*command, 'part', 'name', 'config.py'], cwd=tmp_path, env=environment)
    assert result.returncode == status
    calls = (tmp_path / 'calls').read_text().splitlines()
    assert 'train.py config.py --resume --launcher slurm' in calls[0]
    assert calls[1:] == (['scontrol requeue 7'] if requeued else [])


def test_loader_workers_obey_their_process_alone():
    script = """
import multiprocessing, os, signal, time
from mmskelssl.datasets import leave_signals_to_parent
context = multiprocessing.get_context('fork')
ready, asked = context.Event(), context.Event()
def work():
    leave_signals_to_parent(0)
    ready.set()
    asked.wait()  # its parent asks after the signals: it has lived through them
    ready.set()
    time.sleep(3600)
worker = context.Process(target=work)
worker.start()
ready.wait()
for number in (signal.SIGTERM, signal.SIGINT):
    os.system(f'kill -{int(number)} {worker.pid}')
ready.clear()
asked.set()
assert ready.wait(600)
while worker.is_alive():  # two signals that come at once may be one
    worker.terminate()
    worker.join(1)
assert worker.exitcode == 0
"""
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    assert subprocess.run([sys.executable, '-c', script], env=environment).returncode == 0
