import sys

import pytest

from mmskelssl.cli.config_check import check_config, checked, missing_files
from mmskelssl.utils.errors import ConfigError


def texts(findings):
    return [str(finding) for finding in findings]


def test_a_good_config_has_no_findings(load):
    assert check_config(load()) == [] and missing_files(load()) == []


def test_a_neck_may_name_its_pooling(load):
    assert check_config(load(model__neck__pooling='temporal')) == []
    assert "ProjectionNeck has no key 'poling'" in texts(check_config(load(model__neck__poling='temporal')))[0]


@pytest.mark.parametrize(
    ('overrides', 'says'),
    [
        (dict(model__queue_siz=3), "model: SkeletonCLR has no key 'queue_siz'; nearest: 'queue_size'."),
        (dict(model__backbone__hidden=3), "model.backbone: BiGRU has no key 'hidden'; nearest: 'hidden_channels'."),
        (dict(train_dataloader__batchsize=3), "DataLoader has no key 'batchsize'; nearest: 'batch_size'."),
        (dict(val_cfg__gallery_dataloader__num_worker=3), "nearest: 'num_workers'."),
        (
            dict(train_dataloader__dataset__normalise=[]),
            "SkeletonDataset has no key 'normalise'; nearest: 'normalize'.",
        ),
        (dict(optim_wrapper__optimizer__leaning_rate=1.0), "SGD has no key 'leaning_rate'"),
        (dict(train_cfg__max_epoch=1), "nearest: 'max_epochs'."),
        (dict(model__type='SkeletonCRL'), "SkeletonCRL is not in any registry; nearest: 'SkeletonCLR'"),
        (dict(default_hooks__checkpoint__intervall=1), "CheckpointHook has no key 'intervall'; nearest: 'interval'."),
        (dict(max_epochs=2), "max_epochs: nothing reads this key at the top level; 'train_cfg.max_epochs' is read."),
        (dict(model=dict(_delete_=True, type='SkeletonClassifier')), "model: SkeletonClassifier needs 'backbone'."),
        (
            dict(val_dataloader__dataset=dict(_delete_=True, type='SkeletonDataset')),
            "val_dataloader.dataset: SkeletonDataset needs 'store'",
        ),
        (dict(train_set=dict(store='mine')), 'train_set: nothing reads this set of clips: say it in train_dataloader'),
        (dict(val_cfg=None), 'val_cfg: it is None: val_dataloader, val_cfg, val_evaluator are set together'),
        (dict(test_dataloader=None), 'test_dataloader: it is None'),
        (dict(val_cfg=None, val_dataloader=None), 'val_dataloader: it is None'),
        (dict(custom_hook=[]), "custom_hook: nothing reads this key; nearest: 'custom_hooks'."),
        (dict(model__temperature='0.07'), "model.temperature: '0.07' is a str, but SkeletonCLR needs float."),
        (dict(model__queue_size=3.5), 'model.queue_size: 3.5 is a float, but SkeletonCLR needs int.'),
        (dict(model__modalities=[1]), 'needs Sequence[str].'),
        (dict(train_dataloader__dataset__normalize='Shear'), 'needs Sequence[dict].'),
        (dict(model__modalities='bones'), "model.modalities: 'bones' is a str, but SkeletonCLR needs Sequence[str]."),
        (dict(optim_wrapper__optimizer__lr='fast'), "'fast' is a str, but SGD needs float"),
        (dict(optim_wrapper__optimizer__momentum='0,9'), "'0,9' is a str, but SGD needs float"),
        (dict(train_cfg__max_epochs='ten'), "'ten' is a str, but EpochBasedTrainLoop needs int"),
        (dict(train_dataloader__shuffle=True), 'train_dataloader.shuffle: the sampler says it here'),
        (dict(val_dataloader__dataset=dict(type='ConcatDataset')), 'ConcatDataset serves clip by clip'),
        (dict(train_dataloader__dataset=dict(type='RepeatDataset')), 'train for more epochs (train_cfg.max_epochs)'),
        (dict(train_dataloader__dataset=dict(type='mmengine.ClassBalancedDataset')), 'write a split that names'),
        (dict(data_preprocessor__test_pipeline=[dict(type='Shear')]), 'data_preprocessor: '),
        (
            dict(
                data_preprocessor__test_pipeline=[dict(type='CenterCropResize', num_frames=4), dict(type='CenterClip')]
            ),
            'data_preprocessor: ',
        ),
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
        dict(val_cfg=None, val_dataloader=None, val_evaluator=None),
        dict(model__modalities=('joint', 'bone')),
        dict(model__temperature=1),  # an int where a float is wanted
        dict(train_dataloader__dataset__split=None),
        dict(default_hooks__finite_check=None),
        dict(train_cfg__max_epochs=100, param_scheduler=[dict(type='MultiStepLR', milestones=[50])]),
        dict(_helper=dict(type='Unknown', key=1), my_helper=3),
        dict(train_set=dict(store='store', split='train')),  # as train_dataloader.dataset has it
        dict(optim_wrapper__clip_grad=dict(type='norm', max_norm=1)),
    ],
    ids='-'.join,
)
def test_what_is_right(load, overrides):
    assert check_config(load(**overrides)) == []


def test_missing_files_are_named_once(load):
    cfg = load(model=dict(pretrained='nowhere.pth'), load_from='nowhere2.pth')
    cfg.train_dataloader.dataset.store = 'nowhere'
    cfg.val_cfg.gallery_dataloader = dict(dataset=dict(store='nowhere', split='train'))
    cfg.val_dataloader.dataset.split = 'validation'
    found = texts(missing_files(cfg))
    assert len(found) == 4
    assert found[0].startswith('train_dataloader.dataset, val_cfg.gallery_dataloader.dataset: No clip store at nowhere')
    assert found[1].startswith("val_dataloader.dataset: store has no split 'validation'")
    assert found[2].startswith('model.pretrained: Checkpoint not found: nowhere.pth')
    assert found[3].startswith('load_from: Checkpoint not found: nowhere2.pth')


def test_all_mistakes_are_said_at_once(load):
    with pytest.raises(ConfigError, match=r"(?s)has 2 problems:\n  .*'a' is a str.*\n  .*queue_siz"):
        checked(load(model__queue_siz=3, model__temperature='a'))


@pytest.mark.parametrize('kind', ['WandbVisBackend', 'mmengine.WandbVisBackend'])
def test_a_logging_library_that_is_not_there_is_named_with_its_remedy(load, monkeypatch, kind):
    monkeypatch.setitem(sys.modules, 'wandb', None)
    found = check_config(load(visualizer__vis_backends=[dict(type='LocalVisBackend'), dict(type=kind)]))
    assert texts(found) == ['visualizer.vis_backends.1: WandbVisBackend needs wandb: pip install wandb']


def test_mlflow_is_told_where_it_keeps_runs(load, monkeypatch):
    monkeypatch.setattr('mmskelssl.cli.config_check.find_spec', lambda package: package)
    backend = dict(type='MLflowVisBackend')
    (found,) = texts(check_config(load(visualizer__vis_backends=[backend])))
    assert found.startswith('visualizer.vis_backends.0.tracking_uri: MLflow keeps runs in a data base')
    backend['tracking_uri'] = 'sqlite:///mlflow.db'
    assert check_config(load(visualizer__vis_backends=[backend])) == []
