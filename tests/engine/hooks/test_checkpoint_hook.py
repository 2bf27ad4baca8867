import errno

import pytest
import torch
from mmengine.model import BaseModel
from torch import nn

from mmskelssl.engine.checkpoints import WholeFilesBackend


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
    from pathlib import Path

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
    with pytest.raises(OSError, match='No space left'):
        runner.train()
    assert names(runner.work_dir + '/x') == ['epoch_1.pth']


def test_checkpoints_by_iteration_end_an_update(make_runner, disk):
    hook = dict(type='CheckpointHook', interval=2, by_epoch=False)
    runner = make_runner(Toy(), BATCHES * 8, [hook], accumulative_counts=4)
    runner.train()
    assert names(runner.work_dir + '/x') == ['iter_4.pth', 'iter_8.pth']
