import errno
import os
from pathlib import Path

import pytest
import torch
from mmengine.fileio import get_file_backend, put
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner.checkpoint import CheckpointLoader, save_checkpoint
from torch import nn

from mmskelssl.engine.checkpoints import CheckpointHook, WholeFilesBackend
from mmskelssl.utils import CheckpointError, ConfigError


def test_files_are_written_as_they_are(tmp_path):
    assert isinstance(get_file_backend(str(tmp_path / 'iter_1.pth')), WholeFilesBackend)
    for number, text in enumerate([b'', b'text', b'PK\x05\x06']):
        put(text, str(tmp_path / 'folder' / str(number)))
        assert (tmp_path / 'folder' / str(number)).read_bytes() == text


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / 'iter_1.pth'
    save_checkpoint(dict(meta=dict(iter=1)), str(path))

    def full(descriptor):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match='No space left'):
        save_checkpoint(dict(meta=dict(iter=2)), str(path))
    assert [file.name for file in tmp_path.iterdir()] == ['iter_1.pth']
    assert CheckpointLoader.load_checkpoint(str(path))['meta']['iter'] == 1


class Toy(BaseModel):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        return dict(loss=(self.weight * inputs).mean())


BATCHES = [dict(inputs=torch.ones(2, 1))]


@pytest.fixture
def disk(monkeypatch):
    """Counts checkpoints written; the numbers in ``full`` do not fit any more."""

    class Disk:
        written, full, present = 0, (), []

    put = WholeFilesBackend.put

    def limited(self, obj, filepath):
        if str(filepath).endswith('.pth'):
            Disk.written += 1
            Disk.present.append(names(filepath))
            if Disk.written in Disk.full:
                raise OSError(errno.ENOSPC, 'No space left on device')
        put(self, obj, filepath)

    monkeypatch.setattr(WholeFilesBackend, 'put', limited)
    return Disk


def names(path):
    return sorted(file.name for file in Path(path).parent.glob('*.pth'))


def test_old_checkpoints_go_when_the_new_one_is_whole(make_runner, disk):
    runner = make_runner(Toy(), BATCHES, [dict(type='CheckpointHook', interval=1, max_keep_ckpts=1)], max_epochs=3)
    runner.train()
    assert disk.present == [[], ['epoch_1.pth'], ['epoch_2.pth']]
    assert names(runner.work_dir + '/x') == ['epoch_3.pth']


def test_a_full_disk_keeps_the_last_good_one_and_says_so(make_runner, disk, capfd):
    disk.full = (2, 3)
    runner = make_runner(Toy(), BATCHES, [dict(type='CheckpointHook', interval=1, max_keep_ckpts=1)], max_epochs=4)
    runner.train()
    assert disk.present == [[], ['epoch_1.pth'], ['epoch_1.pth'], ['epoch_1.pth']]
    assert names(runner.work_dir + '/x') == ['epoch_4.pth']
    assert runner.message_hub.get_info('keep_ckpt_ids') == [4]
    error = capfd.readouterr()
    assert (error.out + error.err).count('No space left on device') == 2
    assert f'last good one is {runner.work_dir}/epoch_1.pth' in error.out + error.err


def test_a_run_whose_last_checkpoint_is_not_written_fails(make_runner, disk):
    disk.full = (2,)
    runner = make_runner(Toy(), BATCHES, [dict(type='CheckpointHook', interval=1, max_keep_ckpts=1)], max_epochs=2)
    with pytest.raises(CheckpointError, match='No space left.*--resume'):
        runner.train()
    assert names(runner.work_dir + '/x') == ['epoch_1.pth']


def test_checkpoints_by_iteration_end_an_update(make_runner, disk):
    hook = dict(type='CheckpointHook', interval=2, by_epoch=False)
    runner = make_runner(Toy(), BATCHES * 8, [hook], accumulative_counts=4)
    runner.train()
    assert names(runner.work_dir + '/x') == ['iter_4.pth', 'iter_8.pth']


class Stop(Hook):
    """Ends a run in order after some epochs, as EarlyStoppingHook does."""

    def __init__(self, epochs):
        self.epochs = epochs

    def after_train_epoch(self, runner):
        runner.train_loop.stop_training = runner.epoch + 1 >= self.epochs


@pytest.mark.parametrize(
    ('hook', 'kept'),
    [
        (dict(interval=10), ['epoch_2.pth']),
        (dict(interval=2), ['epoch_2.pth']),
        (dict(interval=3, by_epoch=False), ['iter_3.pth', 'iter_4.pth']),
        (dict(interval=10, save_last=False), []),
    ],
)
def test_a_run_that_is_stopped_leaves_its_last_weights(make_runner, disk, hook, kept):
    batches = BATCHES[:1] * 2
    runner = make_runner(Toy(), batches, [dict(type='CheckpointHook', **hook), Stop(2)], max_epochs=9)
    runner.train()
    assert names(runner.work_dir + '/x') == kept and disk.written == len(kept)
    if kept:
        checkpoint = torch.load(f'{runner.work_dir}/{kept[-1]}', weights_only=False)
        assert checkpoint['state_dict']['weight'] == runner.model.weight
        assert checkpoint['meta']['iter'] == 4


def test_what_another_folder_holds_is_left_alone(make_runner, tmp_path):
    """Neither the old run's best checkpoint is removed, nor files here of the names that the old run had."""
    hook = dict(type='CheckpointHook', interval=1, max_keep_ckpts=1, save_best=['a', 'b'], rule='greater')
    runner = make_runner(Toy(), BATCHES, [hook])
    checkpoint = next(h for h in runner.hooks if isinstance(h, CheckpointHook))
    hub = runner.message_hub
    hub.update_info('last_ckpt', str(tmp_path / 'old' / 'epoch_1.pth'))
    hub.update_info('best_ckpt_a', str(tmp_path / 'old' / 'best_a.pth'))
    hub.update_info('keep_ckpt_ids', [1])
    checkpoint.before_train(runner)
    assert checkpoint.best_ckpt_path_dict == dict(a=None, b=None) and list(checkpoint.keep_ckpt_ids) == []
    # The own folder's are still known, also by another path to it.
    (tmp_path / 'link').symlink_to(runner.work_dir)
    hub.update_info('last_ckpt', str(tmp_path / 'link' / 'epoch_1.pth'))
    hub.update_info('best_ckpt_a', 'own')
    hub.update_info('keep_ckpt_ids', [1])
    checkpoint.out_dir = None
    checkpoint.before_train(runner)
    assert checkpoint.best_ckpt_path_dict == dict(a='own', b=None) and list(checkpoint.keep_ckpt_ids) == [1]


def test_the_best_of_what_is_not_measured_is_refused(make_runner):
    hook = CheckpointHook(save_best='knn/nope', rule='greater')
    with pytest.raises(ConfigError, match="save_best: 'knn/nope' is not measured, but knn/joint_top1"):
        hook._save_best_checkpoint(make_runner(Toy()), {'knn/joint_top1': 1.0})
