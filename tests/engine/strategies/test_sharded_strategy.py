"""I²MD trained by two processes that share its parameters, through the real launcher."""

import json

import pytest
import torch
from workshop import make_workshop, run

from mmskelssl.engine.strategies.sharded_strategy import sharded_units
from mmskelssl.registry import MODELS

MODEL = dict(
    type='I2MD',
    modalities=['joint', 'bone'],
    num_neighbors=16,
    num_aggregated=4,
    backbone=dict(
        _delete_=True, type='GCNTransformer',
        gcn_channels=4, width=16, num_layers=2, num_heads=2, ffn_channels=8, dropout=0.0,
    ),
)  # fmt: skip

I2MD = f"""
_base_ = 'pretrain.py'
model = {MODEL}
train_dataloader = dict(drop_last=True)
"""

SHARDED = """
_base_ = 'i2md.py'
runner_type = 'FlexibleRunner'
strategy = dict(type='ShardedStrategy')
model = dict(backbone=dict(with_cp=True))
train_dataloader = dict(batch_size=4)
"""


def weights(path):
    return torch.load(path, map_location='cpu', weights_only=True)['state_dict']


def metrics(work_dir):
    (path,) = work_dir.glob('*/vis_data/scalars.json')
    return [row['knn/joint_top1'] for row in map(json.loads, path.open()) if 'knn/joint_top1' in row]


@pytest.fixture(scope='module')
def workshop(tmp_path_factory):
    folder = make_workshop(tmp_path_factory.mktemp('workshop'), train=16)
    (folder / 'i2md.py').write_text(I2MD)
    (folder / 'sharded.py').write_text(SHARDED)
    run('dist_train.sh', folder, 'sharded.py', 2, '--work-dir', 'sharded')
    return folder


def test_it_is_the_run_of_one_process(workshop):
    """Weights, statistics, bank and metric; the sharded one recomputes activations besides."""
    run('train.py', workshop, 'i2md.py', '--work-dir', 'one')
    one, two = (weights(workshop / name / 'epoch_2.pth') for name in ('one', 'sharded'))
    assert one.keys() == two.keys()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-4, atol=1e-4, msg=name)
    assert int(two['bank.pointer']) == 32
    assert metrics(workshop / 'sharded') == metrics(workshop / 'one')


@pytest.mark.slow
def test_resumed_run_is_the_uninterrupted_one(workshop):
    checkpoint = workshop / 'sharded' / 'epoch_1.pth'
    run('dist_train.sh', workshop, 'sharded.py', 2, '--work-dir', 'resumed', '--resume', checkpoint)
    whole, resumed = (weights(workshop / name / 'epoch_2.pth') for name in ('sharded', 'resumed'))
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


@pytest.mark.parametrize('backbone', [MODEL['backbone'], dict(type='STGCN'), dict(type='BiGRU')])
def test_units_hold_every_parameter_once(backbone):
    """What is in no unit would stay whole in every process."""
    backbone = {key: value for key, value in backbone.items() if key != '_delete_'}
    model = dict(type='SkeletonCLR', backbone=backbone, neck=dict(type='ProjectionNeck'), queue_size=8)
    with torch.device('meta'):
        model = MODELS.build(model)
    held = [parameter for unit in sharded_units(model) for parameter in unit.parameters()]
    assert len(held) == len(set(held)) == len(list(model.parameters()))
