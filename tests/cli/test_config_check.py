import inspect

import pytest
from mmengine.config import Config
from workshop import make_workshop

from mmskelssl.cli.config_check import (
    RANGES,
    _lies_in,
    _parameters,
    check_config,
    checked,
    missing_files,
    registered,
)
from mmskelssl.utils.config import ConfigError


@pytest.fixture(scope='module')
def workshop(tmp_path_factory):
    return make_workshop(tmp_path_factory.mktemp('workshop'), train=5, test=3)


@pytest.fixture
def load(workshop, monkeypatch):
    """The config with overrides, in the folder where its store is."""
    monkeypatch.chdir(workshop)

    def load(**overrides):
        cfg = Config.fromfile(workshop / 'pretrain.py')
        cfg.merge_from_dict({key.replace('__', '.'): value for key, value in overrides.items()})
        return cfg

    return load


def texts(findings):
    return [str(finding) for finding in findings]


def test_a_good_config_has_no_findings(load):
    assert check_config(load()) == [] and missing_files(load()) == []


@pytest.mark.parametrize(
    ('overrides', 'says'),
    [
        (dict(model__queue_siz=3), "model: SkeletonCLR has no key 'queue_siz'; nearest: 'queue_size'."),
        (dict(model__backbone__hidden=3), "model.backbone: BiGRU has no key 'hidden'; nearest: 'hidden_channels'."),
        (dict(train_dataloader__batchsize=3), "DataLoader has no key 'batchsize'; nearest: 'batch_size'."),
        (dict(val_cfg__gallery_dataloader__num_worker=3), "nearest: 'num_workers'."),
        (dict(train_dataloader__dataset__pipelin=[]), "SkeletonDataset has no key 'pipelin'; nearest: 'pipeline'."),
        (dict(optim_wrapper__optimizer__leaning_rate=1.0), "SGD has no key 'leaning_rate'"),
        (dict(default_hooks__finite_check__max_skip=1), "nearest: 'max_skipped'."),
        (dict(train_cfg__max_epoch=1), "nearest: 'max_epochs'."),
        (dict(model__type='SkeletonCRL'), "SkeletonCRL is not in any registry; nearest: 'SkeletonCLR'"),
        (dict(default_hooks__checkpoint__intervall=1), "CheckpointHook has no key 'intervall'; nearest: 'interval'."),
        (dict(max_epochs=2), "no key 'max_epochs' is ever read here, but 'train_cfg.max_epochs' is."),
        (dict(custom_hook=[]), "custom_hook: no key 'custom_hook' is ever read; nearest: 'custom_hooks'."),
        (dict(model__temperature='0.07'), "model.temperature: '0.07' is a str, but SkeletonCLR wants float."),
        (dict(model__queue_size=3.5), 'model.queue_size: 3.5 is a float, but SkeletonCLR wants int.'),
        (dict(model__modalities=[1]), 'wants Sequence[str].'),
        (dict(train_dataloader__dataset__pipeline='Shear'), 'wants Sequence[dict] | None.'),
        (dict(model__temperature=0), 'model.temperature: 0 does not lie in (0, inf).'),
        (dict(model__momentum=1.5), 'model.momentum: 1.5 does not lie in [0, 1].'),
        (dict(model__queue_size=0), 'model.queue_size: 0 does not lie in [1, inf).'),
        (dict(train_dataloader__batch_size=0), 'train_dataloader.batch_size: 0 does not lie in [1, inf).'),
        (dict(optim_wrapper__optimizer__lr=-1.0), 'optim_wrapper.optimizer.lr: -1.0 does not lie in [0, inf).'),
    ],
    ids=lambda value: '-'.join(value) if isinstance(value, dict) else '',
)
def test_mistakes(load, overrides, says):
    cfg = load(**overrides)
    assert any(says in text for text in texts(check_config(cfg)))
    with pytest.raises(ConfigError, match=r'pretrain.py'):
        checked(cfg)


@pytest.mark.parametrize(
    'overrides',
    [
        dict(model__modalities=('joint', 'bone')),
        dict(model__temperature=1),  # an int where a float is wanted
        dict(train_dataloader__dataset__num_persons=None),
        dict(train_cfg__max_epochs=100, param_scheduler=[dict(type='MultiStepLR', milestones=[50])]),
        dict(_helper=dict(type='Unknown', key=1), my_helper=3),
        dict(optim_wrapper__clip_grad=dict(type='norm', max_norm=1)),
    ],
    ids='-'.join,
)
def test_what_is_right(load, overrides):
    assert check_config(load(**overrides)) == []


@pytest.mark.parametrize(
    ('overrides', 'processes', 'says'),
    [
        (dict(param_scheduler=[dict(type='MultiStepLR', milestones=[1, 2])]), 1, 'milestones: 2 lies beyond the run'),
        (dict(param_scheduler=[dict(type='CosineAnnealingLR', T_max=3)]), 1, 'T_max: 3 lies beyond the run'),
        (dict(param_scheduler=[dict(type='CosineAnnealingLR', T_max=1)]), 1, 'so that the rate rises again'),
        (dict(param_scheduler=[dict(type='LinearLR', end=5)]), 1, 'end: 5 lies beyond the run: train_cfg.max_epochs=2'),
        (dict(model=dict(type='CrosSCLR', modalities=['joint', 'bone'], cross_epoch=2)), 1, '2 epochs never comes'),
        ({}, 2, '0.05 is for a total batch of 8, and this run has 16 (8 x 2 processes x 1 accumulated): pass --auto-'),
        (dict(optim_wrapper__accumulative_counts=2), 1, 'or set lr=0.1 and auto_scale_lr.base_batch_size=16'),
        (dict(auto_scale_lr__enable=True, optim_wrapper__accumulative_counts=2), 2,
         'the rate would be 0.1 where 0.2 fits a total batch of 32'),
        ({}, 6, 'model.queue_size: 40 is smaller than a total batch of 48 keys'),
    ],
)  # fmt: skip
def test_doubts_do_not_stop_a_run(load, capsys, overrides, processes, says):
    cfg = load(**overrides)
    assert any(says in text for text in texts(check_config(cfg, processes)))
    assert checked(cfg, processes) is cfg
    error = capsys.readouterr().err
    assert error.startswith('warning: ') and says in error


def test_auto_scaling_fits_any_number_of_processes(load):
    assert check_config(load(auto_scale_lr__enable=True), 4) == []


def test_missing_files_are_named_once(load):
    cfg = load(model=dict(pretrained='nowhere.pth'), load_from='nowhere2.pth')
    cfg.train_dataloader.dataset.store = cfg.val_cfg.gallery_dataloader.dataset.store = 'nowhere'
    cfg.val_dataloader.dataset.split = 'validation'
    found = texts(missing_files(cfg))
    assert len(found) == 4
    assert found[0].startswith('train_dataloader.dataset, val_cfg.gallery_dataloader.dataset: No clip store at nowhere')
    assert found[1].startswith("val_dataloader.dataset: store has no split 'validation'")
    assert found[2].startswith('load_from: Checkpoint not found: nowhere2.pth')
    assert found[3].startswith('model.pretrained: Checkpoint not found: nowhere.pth')


def test_all_mistakes_are_said_at_once(load):
    with pytest.raises(ConfigError, match=r'(?s)has 2 problems:\n  .*queue_siz.*\n  .*does not lie in'):
        checked(load(model__queue_siz=3, model__temperature=-1))


def test_ranges_are_of_keys_that_there_are():
    known = {name for kind in registered().values() if inspect.isclass(kind) for name in _parameters(kind)[0]}
    assert RANGES.keys() - known - {'batch_size', 'num_workers', 'base_batch_size'} == set()


@pytest.mark.parametrize(
    ('interval', 'inside', 'outside'),
    [('(0, 1]', [0.1, 1], [0, 1.1]), ('[0, 1)', [0, 0.9], [1, -0.1]), ('[1, inf)', [1, 1e9], [0])],
)
def test_intervals(interval, inside, outside):
    assert all(_lies_in(interval, x) for x in inside) and not any(_lies_in(interval, x) for x in outside)
