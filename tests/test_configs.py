"""Every shipped config: named by the scheme, builds, and names only what there is."""

import copy
import functools
import inspect
import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmskelssl.cli.config_check import check_config
from mmskelssl.cli.config_warnings import config_warnings
from mmskelssl.datasets import SkeletonDataset
from mmskelssl.datasets.layouts import get_layout
from mmskelssl.datasets.transforms import ViewPipeline
from mmskelssl.registry import (
    DATA_SAMPLERS,
    DATASETS,
    FUNCTIONS,
    HOOKS,
    LOOPS,
    METRICS,
    MODELS,
    OPTIM_WRAPPERS,
    OPTIMIZERS,
    PARAM_SCHEDULERS,
    TRANSFORMS,
)

CONFIGS = Path(__file__).parents[1] / 'configs'
FILES = sorted(path for path in CONFIGS.rglob('*.py') if not {'_base_', 'protocols'} & set(path.parts))
NAME = re.compile(
    r'(?P<method>[a-z0-9]+(?:_mutual)?)_(?P<backbone>[a-z][a-z0-9-]*)_(?:(?P<variant>[a-z0-9-]+)_)?'
    r'(?P<processes>\d+)xb(?P<batch>\d+)-(?P<epochs>\d+)e_(?P<dataset>[a-z0-9-]+)-(?P<split>[a-z0-9]+)'
)


@functools.cache
def parse(path: Path) -> Config:
    return Config.fromfile(path)


@pytest.fixture(params=FILES, ids=lambda path: path.relative_to(CONFIGS).as_posix())
def path(request) -> Path:
    return request.param


@pytest.fixture
def cfg(path) -> Config:
    return copy.deepcopy(parse(path))


def loaders(cfg: Config) -> list[dict]:
    stages = [f'{stage}_dataloader' for stage in ('train', 'val', 'test')]
    galleries = [cfg.get(key, {}).get('gallery_dataloader') for key in ('val_cfg', 'test_cfg')]
    return [loader for loader in [*map(cfg.get, stages), *galleries] if loader]


def options(config: dict) -> dict:
    return {key: value for key, value in config.items() if key != 'type'}


def test_there_are_configs():
    assert len(FILES) > 1


def test_name_says_what_the_config_does(path, cfg):
    match = NAME.fullmatch(path.stem)
    assert match, 'not named {method}_{backbone}[_{variant}]_{n}xb{batch}-{epochs}e_{dataset}-{split}'
    folder = path.relative_to(CONFIGS).parts
    assert folder[0] == match['method'] or folder[1] == 'ablations'
    assert cfg.model.type.lower() == match['method'].replace('_', '')
    backbone, width = re.fullmatch(r'(.*?)(\d*)', match['backbone']).groups()
    assert cfg.model.backbone.type.lower() == backbone.replace('-', '')
    assert not width or cfg.model.backbone.hidden_channels == int(width)
    assert cfg.train_dataloader.batch_size == int(match['batch'])
    assert cfg.train_cfg.max_epochs == int(match['epochs'])
    assert cfg.auto_scale_lr.base_batch_size == int(match['batch']) * int(match['processes'])


def test_model_builds(cfg):
    with torch.device('meta'):  # without the memory and the time of the papers' sizes
        assert isinstance(MODELS.build(cfg.model), torch.nn.Module)


def test_backbone_is_for_the_layout_of_the_model(cfg):
    backbone, layout = cfg.model.backbone, get_layout(cfg.model.layout)
    assert backbone.get('num_joints', layout.num_joints) == layout.num_joints
    assert get_layout(backbone.get('layout', layout)) == layout
    assert {'num_joints', 'layout'} & set(backbone)  # neither is left to a default


def test_checks_come_with_the_model(cfg):
    hooks = {hook.type for hook in cfg.custom_hooks}
    assert 'SetupCheckHook' in hooks
    if cfg.model.type == 'SkeletonClassifier':
        assert ('FrozenBackboneHook' in hooks) == cfg.model.frozen
    else:
        assert {'MomentumUpdateHook', 'QueueEnqueueHook'} <= hooks


def test_hooks_and_metrics_build(cfg):
    for hook in [*cfg.custom_hooks, *cfg.default_hooks.values()]:
        HOOKS.build(hook)
    for metric in (cfg.val_evaluator, cfg.test_evaluator):
        METRICS.build(metric)


def test_pipelines_build_and_datasets_take_their_options(cfg):
    for loader in loaders(cfg):
        assert DATASETS.get(loader.dataset.type) is SkeletonDataset
        bound = inspect.signature(SkeletonDataset).bind(**options(loader.dataset))
        assert {'store', 'split'} <= set(bound.arguments)
        if loader.dataset.get('pipeline') is not None:
            ViewPipeline(loader.dataset.pipeline)
        for step in loader.dataset.get('normalize', ()):
            TRANSFORMS.build(step)
        assert DATA_SAMPLERS.get(loader.sampler.type) and FUNCTIONS.get(loader.collate_fn.type)


def test_pretraining_monitors_on_the_same_data(cfg):
    """Queries are another split than training's, the gallery is training's, all of one store and normalization."""
    datasets = [loader.dataset for loader in loaders(cfg)]
    train, val, test, *galleries = datasets
    assert train.split != val.split == test.split
    assert all(gallery.split == train.split for gallery in galleries)
    assert all(dataset.store == train.store for dataset in datasets)
    assert all(dataset.get('normalize') == train.get('normalize') for dataset in datasets)


def test_the_check_finds_nothing(path, cfg):
    assert check_config(cfg) == []
    assert config_warnings(cfg, int(NAME.fullmatch(path.stem)['processes'])) == []


def test_the_papers_data_are_normalized_as_in_the_papers(cfg):
    for loader in loaders(cfg):
        if loader.dataset.store.startswith(('data/ntu', 'data/pku_mmd')):
            types = [step.type for step in loader.dataset.normalize]
            # CrosSCLR's views have 50 frames.
            is_crossclr = "'num_frames': 50" in str(loader.dataset.pipeline)
            assert types == (['CenterPersons', 'ResizeClips', 'AlignShoulders'] if is_crossclr else ['PreNormalize'])


def test_loops_and_optimization_are_known(cfg):
    parameter = [torch.nn.Parameter(torch.zeros(1))]
    optimizer = OPTIMIZERS.build(dict(cfg.optim_wrapper.optimizer, params=parameter))
    OPTIM_WRAPPERS.build(dict(cfg.optim_wrapper, optimizer=optimizer))
    for scheduler in cfg.get('param_scheduler', []):
        assert PARAM_SCHEDULERS.get(scheduler.type)
    for key, given in (('train_cfg', 2), ('val_cfg', 3), ('test_cfg', 3)):
        # MMEngine gives runner, data loader and evaluator.
        inspect.signature(LOOPS.get(cfg[key].type)).bind(*[None] * given, **options(cfg[key]))
