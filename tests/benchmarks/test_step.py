"""The real benchmarks/step.py on tiny sizes: what it says, not how fast it is."""

import importlib.util
import json
import sys
import time
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

ROOT = Path(__file__).parents[2]
RUNTIME = f"_base_ = ['{ROOT}/configs/_base_/schedules/sgd_300e.py', '{ROOT}/configs/_base_/default_runtime.py']\n"
PIPELINE = """
pipeline = [dict(type='MultiView', transforms=[dict(type='TemporalCropResize', num_frames=8)], num_views={views})]
train_dataloader = dict(batch_size=4, dataset=dict(type='SkeletonDataset', store='none', pipeline=pipeline))
"""
GRU = dict(type='BiGRU', num_joints=25, num_persons=2, hidden_channels=4)
TRANSFORMER = dict(
    type='GCNTransformer', gcn_channels=4, width=8, num_layers=1, num_heads=2, ffn_channels=8
)  # fmt: skip
BASE = dict(backbone=GRU, neck=dict(type='ProjectionNeck'), layout='ntu25', queue_size=16, feat_dim=4)
MODELS = dict(
    SkeletonCLR=dict(),
    CrosSCLR=dict(modalities=['joint', 'bone']),
    CMD=dict(num_neighbors=4),
    I2MD=dict(num_neighbors=4, num_aggregated=2, backbone=TRANSFORMER),
    MMCVMutual=dict(num_neighbors=4),
)
STEP = [
    'hooks: momentum update', 'query encoders', 'key encoders', 'similarities and losses',
    'backward: similarities and losses', 'backward: encoders', 'optimizer', 'hooks: enqueue',
]  # fmt: skip
# Stands in for a checkout of CMD.
PEER = """
import torch
import torchvision
from torch import nn

class MoCo(nn.Module):
    def __init__(self, representation, args_bi_gru, dim, K, T, teacher_T, student_T, cmd_weight, topk, mlp):
        super().__init__()
        print('MoCo parameters')
        assert args_bi_gru == dict(en_input_size=150, en_hidden_size=4, en_num_layers=3, num_class=4)
        assert (dim, K, T, teacher_T, student_T, cmd_weight, topk, mlp) == (4, 16, 0.07, 0.05, 0.1, 1.0, 4, True)
        self.fc = nn.Linear(150, 17)

    def forward(self, query, key):
        assert query.shape == key.shape == (4, 3, 8, 25, 2)
        logits = self.fc(query.permute(0, 2, 3, 1, 4).flatten(2).mean(1))
        return logits, logits, logits, torch.zeros(len(logits), dtype=torch.long).cuda(), logits.mean()
"""


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location('benchmark_step', ROOT / 'benchmarks/step.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(tool, tmp_path, monkeypatch, capsys):
    """Runs the tool in this process on a method, or another model, and gives exit status, output, error and JSON."""

    def run(method, *args, **other):
        views = 3 if method == 'MMCVMutual' else 2
        text = RUNTIME + f'model = {other or dict(BASE | MODELS[method], type=method)}' + PIPELINE
        (tmp_path / 'config.py').write_text(text.replace('{views}', str(views)))
        arguments = [tmp_path / 'config.py', '--device', 'cpu', '--repeats', 2, '--json', tmp_path / 'out.json', *args]
        monkeypatch.setattr(sys, 'argv', ['benchmark_step.py', *map(str, arguments)])
        status = tool.main()
        out, error = capsys.readouterr()
        return status, out, error, json.loads((tmp_path / 'out.json').read_text()) if status == 0 else None

    return run


@pytest.mark.parametrize('method', MODELS)
def test_every_part_of_every_method(run, method):
    status, out, error, result = run(method)
    assert (status, error) == (0, '')
    summary = result['summary']
    assert list(summary['parts']) == ['views', *STEP]
    assert all(f'\n{name} ' in out for name in summary['parts'])
    for part in summary['parts'].values():
        assert 0 < part['lowest'] <= part['seconds'] <= part['highest']
    seconds = result['measured']['seconds']
    steps = [sum(seconds[name][turn] for name in STEP) for turn in range(2)]
    assert summary['step_seconds'] == pytest.approx(sum(steps) / 2)
    losses = [summary['parts'][name]['share_of_step'] for name in STEP if name.endswith('similarities and losses')]
    assert summary['losses_share'] == pytest.approx(sum(losses)) and 0 < sum(losses) < 1
    assert result['measured']['batch_size'] == 4
    assert summary['clips_per_s'] == pytest.approx(4 / summary['step_seconds'])
    assert summary['floor_seconds'] == pytest.approx(summary['flops'] / summary['flops_per_s']) and '\nfloor: ' in out
    if sys.platform == 'linux':
        assert all(part['peak_bytes'] > 2**20 for part in summary['parts'].values())


@pytest.mark.parametrize('frozen', [True, False])
def test_classifier_has_no_hooks(run, frozen):
    model = dict(type='SkeletonClassifier', backbone=GRU, head=dict(type='LinearHead', num_classes=3), layout='ntu25')
    status, _, error, result = run(None, **model, frozen=frozen)
    assert (status, error) == (0, '')
    encoders = ['backward: encoders'] * (not frozen)
    losses = ['similarities and losses', 'backward: similarities and losses']
    assert list(result['summary']['parts']) == ['views', 'query encoders', *losses, *encoders, 'optimizer']


def test_floor_counts_products(run):
    """A frozen encoder, 3 layers of 2 GRUs of width 4, on 8 frames; head 8 x 3, forward and its weight's gradient."""
    head = dict(type='LinearHead', num_classes=3)
    *_, result = run(None, type='SkeletonClassifier', backbone=GRU, head=head, layout='ntu25', frozen=True)
    gates, inputs = 3 * 4, [2 * 3 * 25, 8, 8]
    encoder = 8 * 2 * sum(gates * (width + 4) for width in inputs)
    assert result['summary']['flops'] == 4 * 2 * (encoder + 2 * 8 * 3)


def test_options(run):
    options = '--batch-size', 3, '--amp', '--cfg-options', 'model.queue_size=8'
    status, _, _, result = run('CMD', *options)
    assert status == 0 and result['measured']['batch_size'] == 3 and result['options']['amp']


def test_views_made_on_the_device(run):
    views = [dict(type='MultiView', transforms=[dict(type='TemporalCropResize', num_frames=8)])]
    preprocessor = dict(type='SkeletonDataPreprocessor', train_pipeline=views)
    options = '--cfg-options', 'train_dataloader.dataset.pipeline=None'
    status, _, error, _ = run(None, *options, **BASE, type='SkeletonCLR', data_preprocessor=preprocessor)
    assert (status, error) == (0, '')


def test_stages_are_measured_in_the_last_one(tool):
    cfg = Config(dict(
        model=dict(type='CrosSCLR', **BASE, modalities=['joint', 'bone'], cross_epoch=150),
        train_cfg=dict(max_epochs=300), optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
    ))  # fmt: skip
    assert tool.Step(cfg, torch.device('cpu'), amp=False, compiled=False).model.epoch == 299


def test_steps_train_as_the_runner_does(tool):
    """Momentum update, step and enqueue: what the parts are of."""
    cfg = Config(dict(
        model=dict(type='CMD', **BASE, num_neighbors=4, momentum=0.5),
        train_cfg=dict(max_epochs=1), optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
    ))  # fmt: skip
    step = tool.Step(cfg, torch.device('cpu'), amp=False, compiled=False)
    before = {key: value.clone() for key, value in step.model.state_dict().items()}
    views = list(torch.randn(2, 4, 2, 8, 25, 3))
    step(views, {})
    after = step.model.state_dict()
    weights = [key for key, _ in step.model.encoder_q.named_parameters()]
    assert all(not torch.equal(after[f'encoder_q.{key}'], before[f'encoder_q.{key}']) for key in weights)
    assert int(after['bank.pointer']) == 4
    moved = {key: value.clone() for key, value in after.items()}
    step(views, {})
    for key in weights:
        middle = (moved[f'encoder_k.{key}'] + moved[f'encoder_q.{key}']) / 2
        torch.testing.assert_close(step.model.state_dict()[f'encoder_k.{key}'], middle)


def test_clock_excludes_parts_within_parts(tool, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, 'perf_counter', lambda: now[0])
    clock = tool.Clock(torch.device('cpu'))
    with clock.part('outer'):
        now[0] += 1
        with clock.part('inner'):
            now[0] += 10
        now[0] += 100
        clock.switch('rest')
        now[0] += 1000
    now[0] += 10000
    with clock.part('outer'):
        now[0] += 5
    assert clock.seconds == dict(outer=106, inner=10, rest=1000)


@pytest.fixture
def peer(tmp_path, monkeypatch):
    folder = tmp_path / 'peer' / 'moco'
    folder.mkdir(parents=True)
    (folder / '__init__.py').touch()
    (folder / 'builder_cmd.py').write_text(PEER)
    for name in ('moco', 'moco.builder_cmd', 'torchvision'):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield folder.parent
    for name in ('moco', 'moco.builder_cmd'):
        sys.modules.pop(name, None)


def test_peer_takes_turns(run, peer):
    cuda = torch.Tensor.cuda
    status, out, error, result = run('CMD', '--peer', peer)
    assert (status, error) == (0, '') and 'MoCo parameters' not in out
    measured, summary = result['measured'], result['summary']['peer']
    assert len(measured['peer_seconds']) == 2
    steps = [sum(measured['seconds'][name][turn] for name in STEP) for turn in range(2)]
    ratios = [theirs / ours for theirs, ours in zip(measured['peer_seconds'], steps, strict=True)]
    assert summary['ratio'] == pytest.approx(sum(ratios) / 2) and f'ours is {summary["ratio"]:.2f} times as fast' in out
    # Nothing is left behind in the process.
    assert torch.Tensor.cuda is cuda and str(peer) not in sys.path
    assert 'torchvision' not in sys.modules or sys.modules['torchvision'].__file__


@pytest.mark.parametrize(
    ('method', 'args', 'says'),
    [
        ('SkeletonCLR', [], '--peer takes a config of CMD with a BiGRU on 25 joints'),
        ('CMD', ['--batch-size', 3], 'needs a queue_size (16) that --batch-size 3 divides'),
        ('CMD', ['--peer', '/nowhere'], '/nowhere is not a checkout of the program'),
        ('CMD', ['--cfg-options', 'model.num_neighbors=17'], 'num_neighbors=17 neighbours of queue_size=16'),
        ('CMD', ['--cfg-options', 'model.modalities=["joint"]'], "learns on three modalities, the config on ['joint']"),
    ],
)
def test_mistakes_are_explained(run, peer, method, args, says):
    status, _, error, _ = run(method, '--peer', peer, *args)
    assert status == 1 and says in error and error.startswith('error: ')
