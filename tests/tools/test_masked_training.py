"""Masked pre-training and tuning on top of it, through the real tools."""

import pytest
import torch
from workshop import ROOT, make_workshop, run

PRETRAIN = f"""
_base_ = [
    '{ROOT}/configs/_base_/runs/mamp_small.py',
    '{ROOT}/configs/_base_/knn_monitor.py',
]
model = dict(
    layout='kinect20',
    num_persons=1,
    backbone=dict(num_frames=16, width=8, num_layers=2, num_heads=2, drop_path=0.2),
    decoder=dict(width=8, num_layers=1, num_heads=2),
)
data_preprocessor = dict(
    train_pipeline=[dict(type='TemporalCropResize', num_frames=16, ratio=(0.5, 1.0), min_frames=1)],
    test_pipeline=[dict(type='CenterCropResize', num_frames=16)],
)
train_dataloader = dict(
    batch_size=8, num_workers=0, persistent_workers=False, dataset=dict(store='store', split='train')
)
val_dataloader = dict(batch_size=8, num_workers=0, dataset=dict(store='store', split='test'))
test_dataloader = val_dataloader
param_scheduler = [dict(type='LinearLR', start_factor=0.1, end=2, convert_to_iter_based=True)]
train_cfg = dict(max_epochs=4, val_interval=2)
default_hooks = dict(checkpoint=dict(interval=2, max_keep_ckpts=9))
auto_scale_lr = dict(base_batch_size=8)
"""

TUNE = """
_base_ = 'mamp.py'
model = dict(
    _delete_=True,
    type='STARS',
    layout='kinect20',
    num_persons=1,
    backbone=dict(type='SkeletonTransformer', num_frames=16, width=8, num_layers=2, num_heads=2),
    learning_layers=1,
    predictor_channels=16,
    queue_size=20,
    num_neighbors=3,
    num_views=1,
    pretrained='mamp/epoch_4.pth',
)
"""


@pytest.fixture(scope='module')
def workshop(tmp_path_factory):
    folder = make_workshop(tmp_path_factory.mktemp('workshop'), mamp=PRETRAIN, stars=TUNE)
    run('train.py', folder, 'mamp.py', '--work-dir', folder / 'mamp')
    return folder


def state(path):
    return torch.load(path, weights_only=False)


def assert_same(a, b):
    ours, theirs = state(a), state(b)
    assert ours['state_dict'].keys() == theirs['state_dict'].keys()
    assert all(torch.equal(value, theirs['state_dict'][name]) for name, value in ours['state_dict'].items())
    for one, other in zip(ours['optimizer']['state'].values(), theirs['optimizer']['state'].values(), strict=True):
        assert all(torch.equal(torch.as_tensor(value), torch.as_tensor(other[name])) for name, value in one.items())


@pytest.mark.slow
def test_random_masks_are_resumed_exactly(workshop):
    again = workshop / 'again'
    run('train.py', workshop, 'mamp.py', '--work-dir', again, '--resume', workshop / 'mamp' / 'epoch_2.pth')
    assert_same(workshop / 'mamp' / 'epoch_4.pth', again / 'epoch_4.pth')


@pytest.mark.slow
def test_tuning_starts_from_the_checkpoint_and_is_resumed_exactly(workshop):
    run('train.py', workshop, 'stars.py', '--work-dir', workshop / 'stars')
    before = state(workshop / 'mamp' / 'epoch_4.pth')['state_dict']
    after = state(workshop / 'stars' / 'epoch_4.pth')['state_dict']
    changed = {name for name in before if name in after and not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if '.backbone.blocks.1.' in name or '.backbone.norm.' in name}
    assert (after['bank.field_clip'] >= 0).all()
    again = workshop / 'stars-again'
    run('train.py', workshop, 'stars.py', '--work-dir', again, '--resume', workshop / 'stars' / 'epoch_2.pth')
    assert_same(workshop / 'stars' / 'epoch_4.pth', again / 'epoch_4.pth')


@pytest.mark.slow
@pytest.mark.parametrize(
    ('config', 'option', 'message'),
    [
        ('stars', 'model.pretrained=None', 'STARS tunes a pre-trained encoder: set model.pretrained'),
        ('stars', 'model.queue_size=7', 'model.queue_size=7 is smaller than a total batch of 8'),
        ('stars', 'model.layout=utd20', "was trained on layout 'kinect20', the model has 'utd20'"),
        ('mamp', 'model.mask_ratio=0.999', 'model.mask_ratio=0.999 leaves 0 of 80 tokens visible'),
        ('mamp', 'model.backbone.num_frames=18', '18 frames are not divisible into segments of 4'),
        ('mamp', 'model.backbone.num_frames=32', 'A view has 16 frames, but model.backbone.num_frames=32'),
        ('mamp', 'model.decoder.width=9', 'width=9 is not divisible by num_heads=2'),
    ],
)
def test_the_check_finds_what_cannot_be(workshop, config, option, message):
    output = run('train.py', workshop, f'{config}.py', '--check', '--cfg-options', option, status=1)
    assert message in output and 'Traceback' not in output
