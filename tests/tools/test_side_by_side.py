"""All methods side by side, by the real tools: processes train as one, and a resumed run as an uninterrupted one."""

import json
import math
import re

import pytest
import torch
from workshop import ROOT, run, write_store

TOTAL_BATCH = 12
STEPS = 12
# The last batch of an epoch has 5 clips, or 1, fewer than there are processes.
CLIPS = dict(uneven=2 * TOTAL_BATCH + 5, single=TOTAL_BATCH + 1)
# Their losses, or what is in front of them, are statistics of the batch.
STATISTICS = ('barlow_twins', 'vicreg', 'pstl', 'umurl', 'usdrl', 'stars', 'slim')
SLOW = {f'methods.{name}': dict(lr_mult=0.02) for name in (*STATISTICS, 'sjepa')}

# The methods side by side in one model: they share no weights, so that each trains as if alone.
METHODS = """
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from torch import nn

from mmskelssl.models import SkeletonModel
from mmskelssl.models.distributed import unwrap_model
from mmskelssl.registry import HOOKS, MODELS


@MODELS.register_module()
class SideBySide(SkeletonModel):
    def __init__(self, methods, dtype, **kwargs):
        super().__init__(**kwargs)
        said = dict(layout=self.layout, num_persons=self.num_persons)
        self.methods = nn.ModuleDict()
        for name, method in methods.items():
            if method:
                torch.manual_seed(0)  # whatever the others are
                self.methods[name] = MODELS.build(dict(method, **said))
        self.dtype = getattr(torch, dtype)
        self.to(self.dtype)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        inputs = [view.to(self.dtype) for view in inputs]
        if mode != 'loss':
            return self.methods['cmd'](inputs, data_samples, mode)
        losses = {}
        for name, method in self.methods.items():
            method.epoch = self.epoch
            for key, loss in method(inputs[: method.num_views], data_samples, mode).items():
                losses[f'{name}_{key}'] = loss
        return losses

    def before_update(self):
        for method in self.methods.values():
            method.before_update()

    def to_enqueue(self):
        return {f'{name}/{key}': z for name, method in self.methods.items() for key, z in method.to_enqueue().items()}

    def after_update(self, batches):
        for name, method in self.methods.items():
            first = f'{name}/'
            method.after_update(
                [{k.removeprefix(first): z for k, z in batch.items() if k.startswith(first)} for batch in batches]
            )


@HOOKS.register_module()
class DumpRank(Hook):
    def after_train(self, runner):
        torch.save(unwrap_model(runner.model).state_dict(), f'{runner.work_dir}/rank{get_rank()}.pth')
"""

CONFIG = f"""
_base_ = [
    '{ROOT}/configs/_base_/knn_monitor.py',
    '{ROOT}/configs/_base_/schedules/sgd_cosine_30e.py',
    '{ROOT}/configs/_base_/default_runtime.py',
]
custom_imports = dict(imports=['methods'])
# Not narrower: where all units of a neck are silent for some clips, their keys are equal and rounding picks neighbours.
bigru = dict(type='BiGRU', hidden_channels=24)
stgcn = dict(type='STGCN', base_channels=4, out_channels=24, dropout=0.0)
streams = dict(seq=dict(modality='joint'), graph=dict(modality='joint', backbone=stgcn))
cascade = dict(
    type='GCNTransformer', gcn_channels=2, width=8, num_layers=1, num_heads=2,
    ffn_channels=8, dropout=0,
)
tokens = dict(
    type='SkeletonTransformer', num_frames=6, segment_length=2, width=8, num_layers=1, num_heads=2,
    absent_persons='skip',
)
decoder = dict(type='TokenDecoder', width=8, num_layers=1, num_heads=2)
decoupled = dict(
    type='DecoupledEncoder', num_frames=6, gcn_channels=4, width=24, num_heads=2, dropout=0.0
)
prototypes = dict(type='PrototypeNeck', out_channels=12, hidden_channels=64, bottleneck_channels=8)
every = dict(neck=dict(type='ProjectionNeck'), queue_size=40, feat_dim=4, momentum=0.9)
# Wide enough that no dimension is silent for a whole batch.
projector = dict(type='ProjectionNeck', num_layers=3, hidden_channels=24, batch_norm=True)
distilled = dict(every, modalities=['joint', 'motion'], num_neighbors=16)
model = dict(
    type='SideBySide',
    layout='kinect20',
    num_persons=1,
    dtype='float32',
    methods=dict(
        skeletonclr=dict(type='SkeletonCLR', backbone=bigru, **every),
        crossclr=dict(type='CrosSCLR', backbone=bigru, modalities=['joint', 'bone'], cross_epoch=2, **every),
        cmd=dict(type='CMD', backbone=bigru, **distilled),
        i2md=dict(type='I2MD', backbone=cascade, num_aggregated=4, **distilled),
        aimclr=dict(type='AimCLR', backbone=stgcn, cross_epoch=2, **every),
        hiclr=dict(type='HiCLR', backbone=stgcn, cross_epoch=2, **every),
        mmcv_mutual=dict(type='MMCVMutual', backbone=bigru, second_momentum=0.8, **distilled),
        barlow_twins=dict(type='BarlowTwins', backbone=bigru, neck=projector, feat_dim=8),
        vicreg=dict(type='VICReg', backbone=bigru, neck=projector, feat_dim=8, modalities=['joint', 'bone']),
        pstl=dict(
            type='PSTL', backbone=stgcn, neck=dict(projector, hidden_channels=128), feat_dim=8, mask_frames=1,
            mask_joints=6,
        ),
        mamp=dict(type='MAMP', backbone=tokens, decoder=decoder),
        skeleton2vec=dict(
            type='Skeleton2vec', backbone=tokens, decoder=decoder, momentum=0.9, num_target_layers=1, tube_length=3
        ),
        sjepa=dict(type='SJEPA', backbone=tokens, decoder=decoder, momentum=0.9),
        slim=dict(
            type='SLiM', backbone=dict(tokens, type='ClassTokenTransformer'), momentum=0.9, num_views=3,
            neck=dict(clip=prototypes, token=prototypes), mask_probability=1.0,
        ),
        stars=dict(type='STARS', backbone=tokens, predictor_channels=24, queue_size=40),
        umurl=dict(
            type='UmURL', streams=dict(fused=dict(modality='joint')), feat_dim=8,
            backbone=dict(type='UnifiedSTTR', num_frames=6, width=12, num_heads=2),
            neck=dict(joint=projector, bone=projector, motion=projector),
        ),
        usdrl=dict(
            type='USDRL', level_weights=dict(temporal=0.5, spatial=0.5, instance=1.0), feat_dim=8,
            backbone=dict(type='DSTE', num_frames=6, width=12, num_heads=2, num_layers=1, drop_path=0.0),
            neck=dict(
                temporal=dict(projector, pooling='temporal'), spatial=dict(projector, pooling='spatial'),
                instance=projector,
            ),
        ),
        pcm3=dict(
            type='PCM3', backbone=bigru, decoder=dict(type='FrameDecoder', width=8), prompt_channels=8, mask_blocks=3,
            mix_blocks=(1, 1), reconstruction_weight=1.0, **every,
        ),
        skelemixclr=dict(
            type='SkeleMixCLR', backbone=stgcn, num_mixes=2, mix_blocks=(1, 1), **every,
        ),
        isc=dict(type='ISC', backbone=bigru, streams=streams, **every),
        scd_net=dict(
            type='SCDNet', backbone=decoupled,
            **dict(every, neck=dict(
                temporal=dict(type='ProjectionNeck', pooling='temporal'),
                spatial=dict(type='ProjectionNeck', pooling='spatial'),
                instance=dict(type='ProjectionNeck'),
            )),
        ),
    ),
)
view = [dict(type='TemporalCropResize', num_frames=6, min_frames=8), dict(type='Shear')]
data_preprocessor = dict(
    type='SkeletonDataPreprocessor',
    train_pipeline=[dict(type='MultiView', transforms=view, num_views=4)],
    test_pipeline=[dict(type='CenterCropResize', num_frames=6)],
)
train_dataloader = dict(
    batch_size={TOTAL_BATCH}, num_workers=0, persistent_workers=False, dataset=dict(store='store', split='uneven')
)
val_dataloader = dict(batch_size=4, num_workers=0, dataset=dict(store='store', split='test'))
test_dataloader = val_dataloader
# At the rate of the others these would run away, and rounding with them.
optim_wrapper = dict(
    optimizer=dict(lr=0.1), paramwise_cfg=dict(custom_keys={SLOW})
)
custom_hooks = [dict(type='DumpRank')]
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=-1, save_last=False))
log_processor = dict(window_size=1)
"""


def without(condition):
    """The config but for the methods whose names meet a condition."""
    return f"""
_base_ = 'uneven.py'
_out = [name for name in _base_.model.methods if name {condition}]
_slow = _base_.optim_wrapper.paramwise_cfg.custom_keys
model = dict(methods=dict.fromkeys(_out))
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(
    _delete_=True, **{{key: value for key, value in _slow.items() if key.partition('.')[2] not in _out}}
)))
"""


CONFIGS = dict(
    uneven=CONFIG,
    # One clip has no statistics.
    single=without(f'in {STATISTICS}'),
    # What holds for any method is shown by one of each family.
    families=without('not in ("cmd", "vicreg", "mamp")'),
)


@pytest.fixture(scope='module')
def workshop(tmp_path_factory):
    folder = tmp_path_factory.mktemp('workshop')
    write_store(folder / 'store', **CLIPS, test=11)
    (folder / 'methods.py').write_text(METHODS)
    for name, text in CONFIGS.items():
        (folder / f'{name}.py').write_text(text)
    return folder


def train(workshop, config, processes, folder, **options):
    """Trains and gives the final states of all ranks, the losses of all iterations, and the metrics."""
    work_dir = workshop / folder
    resume = ['--resume', options.pop('resume')] if 'resume' in options else []
    options = [f'{key}={value}' for key, value in options.items()]
    tool, number = ('dist_train.sh', [processes]) if processes > 1 else ('train.py', [])
    output = run(tool, workshop, f'{config}.py', *number, '--work-dir', work_dir, *resume, '--cfg-options', *options)
    (path,) = work_dir.glob('*/vis_data/scalars.json')
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    losses = [{key: value for key, value in row.items() if 'loss' in key} for row in rows if 'loss' in row]
    metrics = {key: value for row in rows for key, value in row.items() if key.startswith('knn/')}
    assert not re.search('nan|inf', ' '.join(re.findall('loss: (.*?) ', output)))
    assert len(losses[0]) > 5 and len(metrics) == 2
    return [torch.load(work_dir / f'rank{rank}.pth') for rank in range(processes)], losses, metrics


@pytest.mark.parametrize(
    ('config', 'processes', 'split', 'accumulated', 'dtype', 'tolerance'),
    [
        ('uneven', 2, 'uneven', 1, 'float64', 1e-9),
        ('single', 2, 'single', 1, 'float64', 1e-9),
        pytest.param('families', 2, 'uneven', 2, 'float64', 1e-9, marks=pytest.mark.slow),
        pytest.param('families', 3, 'uneven', 1, 'float32', 1e-4, marks=pytest.mark.slow),
    ],
)
def test_processes_train_as_one(workshop, config, processes, split, accumulated, dtype, tolerance):
    epochs = math.ceil(STEPS * accumulated / math.ceil(CLIPS[split] / (TOTAL_BATCH // accumulated)))
    options = {
        'model.dtype': dtype,
        'train_dataloader.dataset.split': split,
        'optim_wrapper.accumulative_counts': accumulated,
        'train_cfg.max_epochs': epochs,
        'train_cfg.val_interval': epochs,
    }
    if dtype == 'float32':
        # All of the bank: in this precision, rounding chooses the last of fewer neighbours.
        options['model.methods.cmd.num_neighbors'] = 40

    def trained(number):
        batch = {'train_dataloader.batch_size': TOTAL_BATCH // accumulated // number}
        return train(workshop, config, number, f'{dtype}-{split}-{accumulated}-{number}', **options, **batch)

    ((state,), losses, metrics), (ranks, their_losses, their_metrics) = trained(1), trained(processes)
    assert len(losses) >= STEPS * accumulated
    for ours, theirs in zip(their_losses, losses, strict=True):
        assert ours == {name: pytest.approx(loss, abs=tolerance, rel=tolerance) for name, loss in theirs.items()}
    for rank in ranks:
        assert rank.keys() == state.keys()
        for key, value in state.items():
            if 'bank' in key:
                assert torch.equal(rank[key], ranks[0][key]), key
            torch.testing.assert_close(rank[key], value, atol=tolerance, rtol=tolerance, msg=key)
    assert their_metrics == metrics


@pytest.mark.slow
def test_a_resumed_run_is_the_uninterrupted_one(workshop):
    """Bit by bit, with what is drawn at random in between."""
    options = {
        'train_cfg.max_epochs': 4,
        'train_cfg.val_interval': 4,
        'default_hooks.checkpoint.interval': 2,
        **{f'model.methods.{name}.backbone.dropout': 0.1 for name in ('aimclr', 'pstl', 'i2md', 'scd_net')},
    }
    (whole,), losses, metrics = train(workshop, 'uneven', 1, 'whole', **options)
    checkpoint = workshop / 'whole' / 'epoch_2.pth'
    (resumed,), rest, their_metrics = train(workshop, 'uneven', 1, 'resumed', **options, resume=checkpoint)
    assert len(losses) == 2 * len(rest) and rest == losses[len(rest) :] and their_metrics == metrics
    assert resumed.keys() == whole.keys()
    for key, value in whole.items():
        assert torch.equal(resumed[key], value), key
