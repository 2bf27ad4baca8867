"""Methods of two families trained by two processes that share their parameters, through the real launcher."""

import json

import pytest
import torch
from workshop import make_workshop, run

from mmskelssl.engine.strategies.sharded_strategy import sharded_units
from mmskelssl.registry import MODELS

TRANSFORMER = dict(
    type='GCNTransformer', gcn_channels=4, width=16, num_layers=2, num_heads=2, ffn_channels=8, dropout=0.0
)
I2MD = f"""
_base_ = 'pretrain.py'
_backbone = dict({TRANSFORMER}, _delete_=True)
model = dict(type='I2MD', modalities=['joint', 'bone'], num_neighbors=16, num_aggregated=4, backbone=_backbone)
train_dataloader = dict(drop_last=True)
"""
# Its losses are of the total batch, gathered with their gradient.
BARLOW_TWINS = f"""
_base_ = 'pretrain.py'
_neck = dict(type='ProjectionNeck', num_layers=3, hidden_channels=8, batch_norm=True)
model = dict(
    _delete_=True, type='BarlowTwins', layout='kinect20', num_persons=1, feat_dim=8, backbone={TRANSFORMER}, neck=_neck
)
optim_wrapper = dict(optimizer=dict(lr=0.001))
train_dataloader = dict(drop_last=True)
"""
SHARDED = """
_base_ = '{}.py'
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
    configs = dict(i2md=I2MD, barlow_twins=BARLOW_TWINS)
    sharded = {f'sharded_{name}': SHARDED.format(name) for name in configs}
    return make_workshop(tmp_path_factory.mktemp('workshop'), train=16, **configs, **sharded)


@pytest.mark.parametrize('method', ['i2md', 'barlow_twins'])
def test_it_is_the_run_of_one_process(workshop, method):
    """Weights, statistics, bank and metric; the sharded run recomputes activations too."""
    run('dist_train.sh', workshop, f'sharded_{method}.py', 2, '--work-dir', f'sharded_{method}')
    run('train.py', workshop, f'{method}.py', '--work-dir', method)
    one, two = (weights(workshop / name / 'epoch_2.pth') for name in (method, f'sharded_{method}'))
    before = weights(workshop / method / 'epoch_1.pth')
    learned = [name for name in one if name.startswith('encoder.') and name.endswith('weight')]
    assert max(float((one[name] - before[name]).abs().max()) for name in learned) > 3e-3  # far above the tolerance
    assert one.keys() == two.keys()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-4, atol=1e-4, msg=name)
    assert metrics(workshop / f'sharded_{method}') == metrics(workshop / method)


@pytest.mark.slow
def test_resumed_run_is_the_uninterrupted_one(workshop):
    run('dist_train.sh', workshop, 'sharded_i2md.py', 2, '--work-dir', 'whole')
    checkpoint = workshop / 'whole' / 'epoch_1.pth'
    run('dist_train.sh', workshop, 'sharded_i2md.py', 2, '--work-dir', 'resumed', '--resume', checkpoint)
    whole, resumed = (weights(workshop / name / 'epoch_2.pth') for name in ('whole', 'resumed'))
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


NECK = dict(type='ProjectionNeck')


@pytest.mark.parametrize('neck', [NECK, None, dict(instance=NECK, cluster=NECK)], ids=['one', 'none', 'two'])
@pytest.mark.parametrize('backbone', [TRANSFORMER, dict(type='STGCN'), dict(type='BiGRU')])
@pytest.mark.parametrize('method', ['SkeletonCLR', 'BarlowTwins'])
def test_units_hold_every_parameter_once(method, backbone, neck):
    """What is in no unit would stay whole in every process."""
    model = dict(type=method, backbone=backbone, neck=neck, layout='kinect20')
    with torch.device('meta'):
        model = MODELS.build(model)
    units = list(sharded_units(model))
    held = [parameter for unit in units for parameter in unit.parameters()]
    assert len(held) == len(set(held)) == len(list(model.parameters()))
    assert all(any(True for _ in unit.parameters()) for unit in units)
