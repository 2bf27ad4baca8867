"""The real tools/dist_evaluate.sh: several processes measure what one measures; and a run's config trains by hand."""

import json
import os

import numpy as np
import pytest
import torch
from mmengine.config import Config
from workshop import run, write_store

from mmskelssl.registry import MODELS
from mmskelssl.utils.config import model_config

# More than a batch of 256 to encode, and an uneven last batch to train on.
NUM_TRAIN, NUM_TEST = 261, 13
PROTOCOLS = ('knn', 'linear', 'finetune', 'linear-2s', 'linear-fast')
OPTIONS = [
    f'{protocol}.{key}'
    for protocol in PROTOCOLS[1:3]
    for key in ('train_cfg.max_epochs=2', 'param_scheduler.0.milestones=[1]')
]


@pytest.fixture(scope='module')
def workshop(tmp_path_factory):
    """A folder with a store and a checkpoint of two streams."""
    folder = tmp_path_factory.mktemp('processes')
    write_store(folder / 'store', train=NUM_TRAIN, test=NUM_TEST)
    view = [dict(type='TemporalCropResize', num_frames=8, ratio=(0.3, 1.0), min_frames=4)]
    cfg = Config(
        dict(
            model=dict(
                type='SkeletonCLR',
                backbone=dict(type='BiGRU', hidden_channels=8),
                neck=dict(type='ProjectionNeck'),
                modalities=['joint', 'motion'],
                layout='kinect20',
                num_persons=1,
                queue_size=8,
            ),
            data_preprocessor=dict(
                type='SkeletonDataPreprocessor',
                train_pipeline=[dict(type='MultiView', transforms=view)],
                test_pipeline=[dict(type='CenterCropResize', num_frames=8)],
            ),
            train_dataloader=dict(
                num_workers=0,
                persistent_workers=False,
                dataset=dict(type='SkeletonDataset', store='store', split='train'),
            ),
            test_dataloader=dict(dataset=dict(type='SkeletonDataset', store='store', split='test')),
        )
    )
    torch.manual_seed(0)
    state = MODELS.build(model_config(cfg)).state_dict()
    torch.save(dict(state_dict=state, meta=dict(cfg=cfg.pretty_text, epoch=1)), folder / 'pretrained.pth')
    return folder


@pytest.fixture(scope='module')
def alone(workshop):
    """The evaluation by one process."""
    args = 'pretrained.pth', '--work-dir', 'alone', '--protocols', *PROTOCOLS, '--cfg-options', *OPTIONS
    run('evaluate.py', workshop, *args)
    return workshop / 'alone'


def arrays(path):
    with np.load(path) as archive:
        return dict(archive)


def test_two_processes_measure_what_one_measures(workshop, alone):
    args = '--work-dir', 'shared', '--protocols', *PROTOCOLS, '--cfg-options', *OPTIONS
    output = run('dist_evaluate.sh', workshop, 'pretrained.pth', 2, *args)
    assert output.count('report: shared/report.html') == 1
    shared = workshop / 'shared'
    features = sorted(path.name for path in (alone / 'features').iterdir())
    assert features == sorted(path.name for path in (shared / 'features').iterdir()) and len(features) == 6
    for name in features:
        one, two = (arrays(folder / 'features' / name) for folder in (alone, shared))
        assert (one['names'] == two['names']).all()
        np.testing.assert_array_equal(one['features'], two['features'])
    one, two = (json.loads((folder / 'report.json').read_text())['results'] for folder in (alone, shared))
    assert [(r['protocol'], r['modality'], r['card']) for r in one] == [
        (r['protocol'], r['modality'], r['card']) for r in two
    ]
    assert len(one) == 9
    for a, b in zip(one, two, strict=True):
        assert a['metrics'] == b['metrics'] and a['confusion'] == b['confusion']
        scores = [arrays(folder / a['files']['predictions'])['scores'] for folder in (alone, shared)]
        np.testing.assert_allclose(*scores, rtol=1e-3, atol=1e-4)
    for protocol in ('linear', 'finetune'):
        weights = [torch.load(folder / protocol / 'joint/run0/epoch_2.pth')['state_dict'] for folder in (alone, shared)]
        for key, value in weights[0].items():
            torch.testing.assert_close(weights[1][key], value, rtol=1e-3, atol=1e-5, msg=key)


def test_a_batch_that_processes_cannot_share_is_refused(workshop):
    args = '--work-dir', 'odd', '--protocols', 'linear', '--cfg-options', 'linear.train_dataloader.batch_size=63'
    output = run('dist_evaluate.sh', workshop, 'pretrained.pth', 2, *args, status=1)
    assert 'A batch of 63 cannot be shared evenly by 2 processes: start a number that divides it.' in output


@pytest.mark.parametrize('protocol', ['linear', 'finetune'])
def test_the_config_of_a_run_trains_and_tests_by_hand(workshop, alone, protocol):
    """With the numbers of the evaluation."""
    config, by_hand = alone / protocol / 'joint' / 'run0' / 'config.py', f'by-hand-{protocol}'
    run('train.py', workshop, config, '--work-dir', by_hand)
    ours, theirs = (torch.load(folder / 'epoch_2.pth')['state_dict'] for folder in (workshop / by_hand, config.parent))
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)
    run('test.py', workshop, config, f'{by_hand}/epoch_2.pth', '--work-dir', f'{by_hand}-tested')
    (log,) = (workshop / f'{by_hand}-tested').glob('*/*.json')
    (result,) = (
        r
        for r in json.loads((alone / 'report.json').read_text())['results']
        if (r['protocol'], r['modality']) == (protocol, 'joint')
    )
    assert json.loads(log.read_text())['accuracy/top1'] == pytest.approx(result['metrics']['top1']['mean'])


def test_the_config_of_a_run_trains_on_several_processes(workshop, alone):
    config = alone / 'finetune' / 'joint' / 'run0' / 'config.py'
    batch = '--cfg-options', 'train_dataloader.batch_size=32'
    run('dist_train.sh', workshop, config, 2, '--work-dir', 'by-hand-shared', *batch)
    ours, theirs = (
        torch.load(folder / 'epoch_2.pth')['state_dict'] for folder in (workshop / 'by-hand-shared', config.parent)
    )
    for key, value in theirs.items():
        torch.testing.assert_close(ours[key], value, rtol=1e-3, atol=1e-5, msg=key)


@pytest.mark.parametrize('script', ['dist_evaluate.sh', 'slurm_evaluate.sh'])
def test_scripts_say_how_they_are_used(workshop, script):
    assert 'CHECKPOINT' in run(script, workshop, status=2)


def test_slurm_starts_a_process_per_gpu(workshop, monkeypatch):
    srun = workshop / 'bin' / 'srun'
    srun.parent.mkdir()
    srun.write_text('#!/bin/sh\necho "$@"\n')
    srun.chmod(0o755)
    monkeypatch.setenv('GPUS', '4')
    monkeypatch.setenv('PATH', f'{srun.parent}{os.pathsep}{os.environ["PATH"]}')
    output = run('slurm_evaluate.sh', workshop, 'gpu', 'night', 'x.pth', '--protocols', 'knn')
    assert '--partition=gpu --job-name=night --gres=gpu:4 --ntasks=4 ' in output
    assert output.rstrip().endswith('tools/evaluate.py x.pth --protocols knn --launcher slurm')
