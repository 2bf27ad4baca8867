import itertools
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from workshop import Toy, make_workshop

from mmskelssl.engine.hooks import FiniteCheckHook, MomentumUpdateHook, QueueEnqueueHook
from mmskelssl.engine.runner import Runner
from mmskelssl.registry import HOOKS, RUNNERS
from mmskelssl.utils.errors import ConfigError, NonFiniteError

NEEDED = ('SetupCheckHook', 'MomentumUpdateHook', 'QueueEnqueueHook', 'FrozenBackboneHook', 'DistSamplerSeedHook')
USUAL = ('FiniteCheckHook', 'InterruptionHook', 'RunSummaryHook')
_numbers = itertools.count()


def hooks_of(folder, **sections):
    runner = Runner(Toy(), str(folder), default_scope='mmskelssl', experiment_name=f'{folder}{next(_numbers)}',
                    log_level='WARNING', **sections)  # fmt: skip
    return [type(hook).__name__ for hook in runner.hooks]


@pytest.mark.parametrize(
    'sections',
    [
        dict(),
        dict(default_hooks=dict(logger=dict(type='LoggerHook'))),
        dict(custom_hooks=[dict(type='EMAHook')]),
        dict(default_hooks=dict(timer=None, momentum_update=dict(type='EMAHook'))),
        dict(default_hooks=dict(enqueue=dict(type='QueueEnqueueHook')), custom_hooks=[FiniteCheckHook()]),
    ],
)
def test_what_a_run_needs_is_there_once(tmp_path, sections):
    names = hooks_of(tmp_path, **sections)
    assert [names.count(name) for name in (*NEEDED, *USUAL)] == [1] * 8


def test_hooks_are_in_the_order_of_their_priorities(tmp_path):
    bare, listed = (hooks_of(tmp_path, default_hooks=hooks) for hooks in ({}, dict(queue_enqueue=QueueEnqueueHook())))
    assert bare.index('FiniteCheckHook') < bare.index('QueueEnqueueHook') < bare.index('InterruptionHook')
    assert listed.index('FiniteCheckHook') < listed.index('QueueEnqueueHook')


def test_none_is_a_wish_where_a_run_can_be_right_without(tmp_path):
    names = hooks_of(tmp_path, default_hooks=dict(finite_check=None, interruption=None, checkpoint=None, mine=None))
    assert not {'FiniteCheckHook', 'InterruptionHook', 'CheckpointHook'} & set(names)


@pytest.mark.parametrize('name', ['sampler_seed', 'setup_check', 'momentum_update', 'queue_enqueue', 'frozen_backbone'])
def test_none_is_refused_where_it_cannot(tmp_path, name):
    with pytest.raises(ConfigError, match=f'default_hooks.{name}=None: a run is wrong without'):
        hooks_of(tmp_path, default_hooks={name: None})


def test_momentum_is_not_updated_twice(tmp_path):
    @HOOKS.register_module(force=True)
    class OwnUpdate(MomentumUpdateHook):
        pass

    assert hooks_of(tmp_path, custom_hooks=[dict(type='OwnUpdate')]).count('MomentumUpdateHook') == 0
    twice = dict(default_hooks=dict(a=MomentumUpdateHook()), custom_hooks=[dict(type='OwnUpdate')])
    with pytest.raises(ConfigError, match='MomentumUpdateHook is there 2 times.*custom_hooks'):
        hooks_of(tmp_path, **twice)


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Gives the config of a small run, which is quiet, with overrides."""
    monkeypatch.chdir(make_workshop(tmp_path))

    def load(**overrides):
        cfg = Config.fromfile('pretrain.py')
        cfg.merge_from_dict({key.replace('__', '.'): value for key, value in overrides.items()})
        return Config(
            dict(dict(work_dir='work'), **cfg, experiment_name=f'{tmp_path}{next(_numbers)}'), filename=cfg.filename
        )

    return load


def test_a_resumed_run_has_the_seed_of_its_checkpoint_from_the_sampler_on(load):
    straight = RUNNERS.build(load(randomness__seed=7, log_level='ERROR'))
    straight.train()
    options = dict(log_level='ERROR', work_dir='resumed', load_from='work/epoch_1.pth', resume=True)
    resumed = RUNNERS.build(load(randomness__seed=3, **options))
    resumed.train()
    assert resumed.seed == 7 and resumed.train_dataloader.sampler.seed == 7
    ours, theirs = resumed.model.state_dict(), straight.model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_start_is_five_lines_on_the_console_and_everything_in_the_log(load, capfd):
    runner = RUNNERS.build(load(train_cfg__max_epochs=1))
    runner.train()
    out = ''.join(capfd.readouterr())
    start = out[: out.index('Epoch(train)')]
    for line in ('config: pretrain.py', 'data:   store: 27 clips, 3 classes, up to 1 persons of kinect20',
                 'model:  SkeletonCLR on joint, ', 'total batch 8 (8 x 1 processes x 1 accumulated), 4 iterations per',
                 f'log:    {runner.log_dir}'):  # fmt: skip
        assert line in start
    assert start.count('mmengine - ') <= 8 and 'Exp name' not in out and 'deprecated' not in out
    (log,) = Path(runner.log_dir).glob('*.log')
    text = log.read_text()
    assert 'System environment' in text and 'Hooks will be executed' in text and 'queue_size=40' in text


def test_features_that_are_not_finite_are_not_evaluated(load):
    runner = RUNNERS.build(load(train_cfg__max_epochs=1, log_level='ERROR'))
    runner.model.encoder.joint.backbone.register_forward_hook(
        lambda module, args, out: out if module.training else out * float('inf')
    )
    with pytest.raises(NonFiniteError, match='Features of joint are not finite for . of . clips, such as clip'):
        runner.train()


def test_a_missing_sampler_is_torchs(load):
    loader = {key: value for key, value in load().train_dataloader.items() if key != 'sampler'}
    assert isinstance(Runner.build_dataloader(loader).sampler, torch.utils.data.SequentialSampler)
