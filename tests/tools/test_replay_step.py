"""A run that meets NaN, by one and by two processes, and its step seen again."""

import json

import numpy as np
import pytest
import torch
from workshop import make_workshop, run

from mmskelssl.datasets.clip_store import ClipStore


@pytest.fixture(scope='module')
def workshop(tmp_path_factory):
    """Clip 5 has a NaN in every frame: its file was damaged after it was converted."""
    folder = make_workshop(tmp_path_factory.mktemp('workshop'))
    store = ClipStore(folder / 'store')
    frames = np.memmap(folder / 'store' / 'frames.bin', 'float32', 'r+', shape=store.frames.shape)
    frames[store.offsets[5] : store.offsets[6], 7, 1] = np.nan
    frames.flush()
    return folder


@pytest.mark.parametrize('processes', [1, 2])
def test_nan_stops_and_is_seen_again(workshop, processes):
    tool, number = ('train.py', []) if processes == 1 else ('dist_train.sh', [2])
    options = '--cfg-options', f'train_dataloader.batch_size={8 // processes}'
    output = run(tool, workshop, 'pretrain.py', *number, '--work-dir', f'run{processes}', *options, status=1)
    assert 'the loss is not finite' in output
    (report,) = (workshop / f'run{processes}' / 'bad_numbers').glob('iter_*.json')
    report = json.loads(report.read_text())
    assert len(report['clips']) == 8
    assert [row['name'] for row in report['clips'] if not row['views_are_finite']] == ['clip 5']
    assert [row['rank'] for row in report['clips']] == [0, 1] * 4 if processes == 2 else [0] * 8
    assert not list((workshop / f'run{processes}').glob('*.pth'))
    assert report['replay'] in output

    command = report['replay'].split()
    assert command[:2] == ['python', 'tools/analysis_tools/replay_step.py']
    seen = run('analysis_tools/replay_step.py', workshop, *command[2:])
    assert 'The step is seen again.' in seen
    assert 'first module whose output is not  encoder_q.joint.backbone.input_norm' in seen
    assert seen.count('batch of rank') == processes
    assert seen.count('(index 5)') == 1
    if processes == 2:
        # The same clips in the same order as one process has them.
        (other,) = (workshop / 'run1' / 'bad_numbers').glob('iter_*.json')
        assert [row['name'] for row in json.loads(other.read_text())['clips']] == [r['name'] for r in report['clips']]


def test_a_checkpoint_is_no_step(workshop, tmp_path):
    torch.save(dict(state_dict={}), tmp_path / 'other.pth')
    output = run('analysis_tools/replay_step.py', workshop, 'pretrain.py', tmp_path / 'other.pth', status=1)
    assert 'other.pth holds no step' in output
