import errno
import os
from pathlib import Path

import pytest
import torch
from mmengine.fileio import get_file_backend, put
from mmengine.model import BaseModel
from mmengine.runner.checkpoint import CheckpointLoader, save_checkpoint
from torch import nn

from mmskelssl.engine.checkpoints import WholeFilesBackend
from mmskelssl.utils import CheckpointError


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
