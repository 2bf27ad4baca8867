"""The real tools/train.py and tools/test.py, end to end on a small store."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer
from workshop import NUM_TEST, ROOT, call, make_workshop, run

LINEAR = f"""
_base_ = '{ROOT}/configs/protocols/linear.py'
model = dict(
    type='SkeletonClassifier',
    layout='kinect20',
    num_persons=1,
    backbone=dict(type='BiGRU', hidden_channels=8),
    head=dict(type='LinearHead', num_classes=3),
    pretrained=None,
    frozen=True,
)
data_preprocessor = dict(
    type='SkeletonDataPreprocessor',
    train_pipeline=[dict(type='TemporalCropResize', num_frames=16, ratio=(0.5, 1.0), min_frames=8)],
    test_pipeline=[dict(type='CenterCropResize', num_frames=16)],
)
train_dataloader = dict(
    batch_size=8, num_workers=0, persistent_workers=False, dataset=dict(store='store', split='train')
)
val_dataloader = dict(batch_size=4, num_workers=0, dataset=dict(store='store', split='test'))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=2, val_interval=1)
default_hooks = dict(checkpoint=dict(interval=1), logger=dict(interval=1))
"""

# Every process writes what it holds after training.
DUMP = """
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmskelssl.models.distributed import unwrap_model
from mmskelssl.registry import HOOKS

@HOOKS.register_module()
class DumpRank(Hook):
    def after_train(self, runner):
        torch.save(unwrap_model(runner.model).state_dict(), f'rank{get_rank()}.pth')
"""

DISTRIBUTED = """
_base_ = 'pretrain.py'
custom_imports = dict(imports=['dump_rank'])
custom_hooks = [dict(type='DumpRank')]
train_dataloader = dict(batch_size=4)
train_cfg = dict(max_epochs=1)
"""


@pytest.fixture(scope='module')
def workshop(tmp_path_factory) -> Path:
    """A folder with a store and configs."""
    configs = dict(linear=LINEAR, distributed=DISTRIBUTED, dump_rank=DUMP)
    return make_workshop(tmp_path_factory.mktemp('workshop'), **configs)


def load(path) -> dict:
    return torch.load(path, map_location='cpu', weights_only=True)


def assert_same_training(path, other):
    """Weights, batch statistics, a bank with its pointer, and the optimizer's momenta, bit by bit."""
    ours, theirs = load(path), load(other)
    assert ours['state_dict'].keys() == theirs['state_dict'].keys()
    for key, value in ours['state_dict'].items():
        assert torch.equal(value, theirs['state_dict'][key]), key
    momenta = [checkpoint['optimizer']['state'] for checkpoint in (ours, theirs)]
    assert momenta[0].keys() == momenta[1].keys() and len(momenta[0]) > 0
    for key, state in momenta[0].items():
        assert torch.equal(state['momentum_buffer'], momenta[1][key]['momentum_buffer'])


def validations(work_dir: Path, name: str) -> list[float]:
    """A metric of every validation of the only run in a work directory."""
    (path,) = work_dir.glob('*/vis_data/scalars.json')
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [row[name] for row in rows if name in row]


def results_of_test(work_dir: Path) -> dict:
    """The metrics of the only test in a work directory."""
    (path,) = (path for path in work_dir.glob('*/*.json'))
    return json.loads(path.read_text())


@pytest.fixture(scope='module')
def pretrained(workshop) -> Path:
    """The work directory of a pre-training run over two epochs: the default one, as no other is named."""
    run('train.py', workshop, 'pretrain.py')
    return workshop / 'work_dirs' / 'pretrain'


@pytest.fixture(scope='module')
def linear(workshop, pretrained) -> SimpleNamespace:
    """A linear evaluation of it."""
    pretrained_option = f'model.pretrained={pretrained}/epoch_2.pth'
    output = run('train.py', workshop, 'linear.py', '--work-dir', 'linear', '--cfg-options', pretrained_option)
    return SimpleNamespace(output=output, work_dir=workshop / 'linear')


def test_pretraining_leaves_what_it_should(pretrained):
    assert {'epoch_1.pth', 'epoch_2.pth', 'last_checkpoint', 'pretrain.py'} <= {p.name for p in pretrained.iterdir()}
    first, second = (load(pretrained / f'epoch_{epoch}.pth') for epoch in (1, 2))
    assert [int(checkpoint['state_dict']['bank.pointer']) for checkpoint in (first, second)] == [27, 2 * 27 - 40]
    assert not torch.equal(first['state_dict']['bank.field_joint'], second['state_dict']['bank.field_joint'])
    assert all(value.isfinite().all() for value in second['state_dict'].values())
    assert len(validations(pretrained, 'knn/joint_top1')) == 2
    losses = validations(pretrained, 'loss')
    assert len(losses) == 8 and all(np.isfinite(losses))


def test_test_gives_the_number_of_the_last_validation(workshop, pretrained):
    run('test.py', workshop, 'pretrain.py', pretrained / 'epoch_2.pth', '--work-dir', 'tested')
    metrics = results_of_test(workshop / 'tested')
    assert metrics['knn/joint_top1'] == validations(pretrained, 'knn/joint_top1')[-1]
    assert 0 < metrics['knn/joint_top1'] < 100


def test_two_processes_test_as_one(workshop, pretrained):
    output = run('dist_test.sh', workshop, 'pretrain.py', pretrained / 'epoch_2.pth', 2, '--work-dir', 'tested-by-two')
    # Not from the file of metrics: both processes write it (MMEngine 0.10), at times into each other's text.
    (shown,) = re.findall(r'knn/joint_top1: ([0-9.]+)', output)
    assert float(shown) == pytest.approx(validations(pretrained, 'knn/joint_top1')[-1], abs=1e-4)


def test_random_encoder(workshop):
    output = run('test.py', workshop, 'pretrain.py', 'none', '--work-dir', 'random')
    assert 'Load' not in output
    assert 0 <= results_of_test(workshop / 'random')['knn/joint_top1'] <= 100


def test_resumed_run_is_the_uninterrupted_one(workshop, pretrained):
    output = run('train.py', workshop, 'pretrain.py', '--work-dir', 'resumed', '--resume', pretrained / 'epoch_1.pth')
    assert 'Epoch(train) [1]' not in output and 'Epoch(train) [2]' in output and 'is resumed with' not in output
    assert_same_training(workshop / 'resumed' / 'epoch_2.pth', pretrained / 'epoch_2.pth')
    # It begins with the validation of the first epoch, which may not have been finished.
    assert validations(workshop / 'resumed', 'knn/joint_top1') == validations(pretrained, 'knn/joint_top1')


def test_loader_workers_do_not_change_the_training(workshop, pretrained):
    options = 'train_dataloader.num_workers=2', 'train_dataloader.persistent_workers=True'
    run('train.py', workshop, 'pretrain.py', '--work-dir', 'workers', '--cfg-options', *options)
    assert_same_training(workshop / 'workers' / 'epoch_2.pth', pretrained / 'epoch_2.pth')


def test_automatic_resume_and_overrides(workshop, pretrained):
    shutil.copytree(pretrained, workshop / 'resumed-by-itself')
    options = '--cfg-options', 'train_cfg.max_epochs=3', 'optim_wrapper.optimizer.lr=0'
    output = run('train.py', workshop, 'pretrain.py', '--work-dir', 'resumed-by-itself', '--resume', *options)
    assert 'Epoch(train) [2]' not in output and 'Epoch(train) [3]' in output
    assert (workshop / 'resumed-by-itself' / 'epoch_3.pth').exists()
    changes = re.findall('warning: .*/epoch_2.pth is resumed with (.*)', output)
    assert changes == ['optim_wrapper.optimizer.lr = 0 instead of 0.05']


def test_linear_evaluation(linear, pretrained):
    assert f'Backbone loaded from {pretrained}/epoch_2.pth' in linear.output
    # 5 tensors of the norm, 4 of each of the 6 GRUs.
    assert 'Frozen backbone verified: 29 tensors are bitwise unchanged.' in linear.output
    before, after = (load(folder / 'epoch_2.pth')['state_dict'] for folder in (pretrained, linear.work_dir))
    backbone = [key for key in after if key.startswith('backbone.')]
    assert len(backbone) == 29
    assert all(torch.equal(after[key], before[f'encoder.joint.{key}']) for key in backbone)
    report = json.loads((linear.work_dir / 'classification.json').read_text())
    confusion = torch.tensor(report['confusion'])
    assert confusion.sum() == NUM_TEST and report['classes'] == ['a', 'b', 'c']
    top1 = 100 * confusion.trace().item() / NUM_TEST
    assert validations(linear.work_dir, 'accuracy/top1')[-1] == pytest.approx(top1)
    assert (linear.work_dir / 'confusion.png').stat().st_size > 1000


def test_classifier_is_tested_as_it_was_validated(workshop, linear):
    run('test.py', workshop, 'linear.py', linear.work_dir / 'epoch_2.pth', '--work-dir', 'linear-tested')
    metrics = results_of_test(workshop / 'linear-tested')
    for name in ('accuracy/top1', 'accuracy/top5', 'accuracy/mean_class'):
        assert metrics[name] == validations(linear.work_dir, name)[-1]
    report = 'classification.json'
    assert (workshop / 'linear-tested' / report).read_text() == (linear.work_dir / report).read_text()


def test_two_processes_train_one_model(workshop):
    run('dist_train.sh', workshop, 'distributed.py', 2, '--work-dir', 'distributed')
    ranks = [load(workshop / f'rank{rank}.pth') for rank in (0, 1)]
    # The last clip of 27 is the first rank's alone.
    assert int(ranks[0]['bank.pointer']) == 27
    torch.testing.assert_close(ranks[0]['bank.field_joint'].norm(dim=1), torch.ones(40))
    saved = load(workshop / 'distributed' / 'epoch_1.pth')['state_dict']
    for rank in ranks:
        assert all(torch.equal(value, saved[key]) for key, value in rank.items())


@pytest.mark.slow
def test_compiled_training(workshop):
    # Batches of one size, which are compiled once.
    options = ['train_cfg.max_epochs=1', 'train_dataloader.batch_size=9', 'model.backbone.num_layers=1']
    for compiled in (False, True):
        options.append(f'compile={compiled}')
        run('train.py', workshop, 'pretrain.py', '--work-dir', f'compiled-{compiled}', '--cfg-options', *options)
    compiled, eager = (load(workshop / f'compiled-{on}' / 'epoch_1.pth')['state_dict'] for on in (True, False))
    for key, value in eager.items():
        torch.testing.assert_close(compiled[key], value, atol=1e-4, rtol=1e-4, msg=key)


def test_mixed_precision(workshop):
    run('train.py', workshop, 'pretrain.py', '--work-dir', 'amp', '--amp')
    checkpoint = load(workshop / 'amp' / 'epoch_2.pth')
    assert ('loss_scaler' in checkpoint['optimizer']) == torch.cuda.is_available()
    assert all(np.isfinite(validations(workshop / 'amp', 'loss')))


# Mistakes: exit status 1 and one line on what to change. They come before any epoch, so one process can make them all.


@pytest.fixture
def mistake(workshop, tmp_path, monkeypatch, capfd):
    """Runs a tool in this process and gives what it says on standard error."""

    # What runs keep globally: loggers of earlier ones write to what was standard output then.
    for manager in (DefaultScope, MessageHub, MMLogger, Visualizer):
        monkeypatch.setattr(manager, '_instance_dict', OrderedDict())

    def run_here(command, *args):
        monkeypatch.chdir(workshop)
        assert call(f'{command}.py', *args, '--work-dir', tmp_path / 'work', monkeypatch=monkeypatch) == 1
        error = capfd.readouterr().err
        error = ''.join(line for line in error.splitlines(True) if not line.startswith('warning: '))
        assert error.startswith('error: ') and 'Traceback' not in error
        assert not list(tmp_path.glob('work/*.pth'))
        return error

    return run_here


@pytest.mark.parametrize(
    ('option', 'says'),
    [
        ('data_preprocessor.train_pipeline.0.transforms.0.type=TemporalCropResise', 'TemporalCropResise is not in'),
        ('model.queue_length=64', "'queue_length'"),
        ('model.backbone.hidden=64', "'hidden'"),
        ('model.neck.width=64', "'width'"),
        ('train_dataloader.dataset.splits=train', "'splits'"),
        ('data_preprocessor.train_pipeline.0.transforms.0.frames=3', "'frames'"),
        ('default_hooks.setup_check.strict=True', "SetupCheckHook has no key 'strict'"),
        ('val_evaluator.neighbours=3', "'neighbours'"),
        ('val_cfg.gallery=3', "'gallery'"),
        ('optim_wrapper.optimizer.learning_rate=3', "'learning_rate'"),
        ('model.type=SkeletonCRL', 'SkeletonCRL is not in'),
        ('train_dataloader.dataset.store=nowhere', 'No clip store at nowhere'),
        ('train_dataloader.dataset.split=xsub', "store has no split 'xsub'. Its splits: ['test', 'train']"),
        ('model.queue_size=4', 'model.queue_size=4 is smaller than a total batch of 8 keys'),
        ('model.layout=ntu25', "store has layout 'kinect20', the model 'ntu25'"),
        ('model.layout=ntu', "Unknown skeleton layout 'ntu'"),
        ('model.modalities=[bones]', "Unknown modality 'bones'"),
        ('load_from=nowhere.pth', 'Checkpoint not found: nowhere.pth'),
        ('data_preprocessor.train_pipeline.9.type=Shear', '9'),
        ('data_preprocessor.train_pipeline=None', 'set train_pipeline of data_preprocessor in the config'),
        ('model.backbone.layout=kinect20', 'model.backbone says layout: say it once, as model.layout'),
    ],
)
def test_mistakes_in_the_config(mistake, option, says):
    assert says in mistake('train', 'pretrain.py', '--cfg-options', option)


def test_number_of_classes_is_checked(mistake):
    error = mistake('train', 'linear.py', '--cfg-options', 'model.head.num_classes=4')
    assert 'store has 3 classes, but model.head.num_classes=4: set it to 3' in error


@pytest.mark.parametrize('text', [None, 'a = = 1', "_base_ = 'nowhere.py'"])
def test_configs_that_do_not_load(mistake, tmp_path, text):
    if text:
        (tmp_path / 'broken.py').write_text(text)
    assert 'broken.py' in mistake('train', tmp_path / 'broken.py')


def test_checkpoint_of_another_architecture(mistake, pretrained):
    error = mistake('test', 'pretrain.py', pretrained / 'epoch_2.pth', '--cfg-options', 'model.feat_dim=8')
    assert 'of another architecture' in error and 'neck.2.weight has shape (4, 16) instead of (8, 16)' in error
    error = mistake('test', 'linear.py', pretrained / 'epoch_2.pth')
    assert 'SkeletonClassifier' in error and 'it lacks backbone.' in error


class Mischief:
    """Unpickling it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize('use', ['test', 'resume', 'load_from', 'pretrained'])
def test_checkpoint_with_code_is_refused_and_not_run(mistake, pretrained, tmp_path, use):
    checkpoint = dict(load(pretrained / 'epoch_2.pth'), extra=Mischief(tmp_path / 'mischief'))
    torch.save(checkpoint, tmp_path / 'bad.pt')
    commands = dict(
        test=('test', 'pretrain.py', tmp_path / 'bad.pt'),
        resume=('train', 'pretrain.py', '--resume', tmp_path / 'bad.pt'),
        load_from=('train', 'pretrain.py', '--cfg-options', f'load_from={tmp_path}/bad.pt'),
        pretrained=('train', 'linear.py', '--cfg-options', f'model.pretrained={tmp_path}/bad.pt'),
    )
    error = mistake(*commands[use])
    assert 'bad.pt holds more than tensors and plain data' in error and 'it is refused' in error
    assert not (tmp_path / 'mischief').exists()


def test_damaged_and_missing_checkpoints(mistake, pretrained, tmp_path):
    whole = (pretrained / 'epoch_2.pth').read_bytes()
    (tmp_path / 'half.pt').write_bytes(whole[: len(whole) // 2])
    assert 'damaged' in mistake('test', 'pretrain.py', tmp_path / 'half.pt')
    assert 'Checkpoint not found' in mistake('test', 'pretrain.py', tmp_path / 'nowhere.pt')
    torch.save([1, 2], tmp_path / 'list.pt')
    assert 'holds a list, not a checkpoint' in mistake('test', 'pretrain.py', tmp_path / 'list.pt')


def test_scaling_the_rate_needs_a_base(mistake):
    error = mistake('train', 'pretrain.py', '--auto-scale-lr', '--cfg-options', 'auto_scale_lr=None')
    assert 'auto_scale_lr=dict(base_batch_size=...)' in error


def test_mistakes_in_a_process_of_its_own(workshop):
    tool = [sys.executable, ROOT / 'tools' / 'train.py', 'linear.py', '--cfg-options', 'model.modality=velocity']
    env = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    result = subprocess.run(tool, cwd=workshop, env=env, capture_output=True, text=True)
    assert result.returncode == 1
    says = "error: Unknown modality 'velocity': modalities are ['joint', 'motion', 'bone', 'fused'].\n"
    assert result.stderr.endswith(says)
    assert 'Traceback' not in result.stderr
