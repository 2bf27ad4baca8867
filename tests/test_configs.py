"""Every shipped config: named by the scheme, builds, and names only what there is."""

import copy
import functools
import inspect
import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from workshop import ROOT, random_clip

from mmskelssl.cli.config_check import check_config
from mmskelssl.cli.config_warnings import config_warnings
from mmskelssl.datasets import ClipBatch, SkeletonDataset
from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.datasets.transforms import Normalization
from mmskelssl.engine.hooks import MomentumUpdateHook, QueueEnqueueHook, SetupCheckHook
from mmskelssl.evaluation import KNN
from mmskelssl.models import SelfSupervised, SkeletonDataPreprocessor
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
from mmskelssl.utils.checkpoints import checkpoint_config
from mmskelssl.utils.config import model_config

CONFIGS = ROOT / 'configs'
FILES = sorted(path for path in CONFIGS.rglob('*.py') if not {'_base_', 'protocols'} & set(path.parts))
METHODS = '|'.join(path.name for path in CONFIGS.iterdir() if path.name not in ('_base_', 'protocols'))
NAME = re.compile(
    rf'(?P<method>{METHODS})_(?P<backbone>[a-z][a-z0-9-]*)_(?:(?P<variant>[a-z0-9-]+)_)?'
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
    return [cfg[f'{stage}_dataloader'] for stage in ('train', 'val', 'test')]


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


def test_model_builds_with_its_views(cfg):
    with torch.device('meta'):  # without the memory and the time of the papers' sizes
        model = MODELS.build(model_config(cfg))
    assert isinstance(model, SelfSupervised)
    views = model.data_preprocessor
    assert isinstance(views, SkeletonDataPreprocessor)
    assert (views.layout, views.num_persons) == (model.layout, model.num_persons)
    made = views_of(views, model.layout, training=True)
    assert len(made) == model.num_views
    assert {view.shape[1::2] for view in made} == {(model.num_persons, model.layout.num_joints)}
    assert len(views_of(views, model.layout, training=False)) == 1
    # The config that a checkpoint carries has its keys in another order.
    carried = checkpoint_config(dict(meta=dict(cfg=cfg.pretty_text)), 'checkpoint')
    with torch.device('meta'):
        again = MODELS.build(model_config(carried))
    assert again.state_dict().keys() == model.state_dict().keys()


def views_of(views: SkeletonDataPreprocessor, layout: SkeletonLayout, training: bool) -> list[torch.Tensor]:
    clips = [random_clip(1 + seed % 2, 8 + 30 * seed, layout.num_joints, seed=seed) for seed in range(4)]
    packed = ClipBatch.of(clips)
    batch = dict(inputs=dict(clips=packed, mates=packed, keys=torch.arange(4)), data_samples={})
    return views(batch, training)['inputs']


def test_layout_and_persons_are_said_by_the_model_alone(cfg):
    assert {'layout', 'num_persons'} <= set(cfg.model)  # neither is left to a default
    assert not {'layout', 'num_persons', 'num_joints'} & set(cfg.model.backbone)
    for section in [cfg.data_preprocessor, *(loader.dataset for loader in loaders(cfg))]:
        assert not {'layout', 'num_persons', 'pipeline'} & set(section)


def test_hooks_and_metrics_build(cfg):
    """Those that every model needs come with the runtime; a config adds none."""
    hooks = {name: HOOKS.build(hook) for name, hook in cfg.default_hooks.items()}
    needed = dict(setup_check=SetupCheckHook, momentum_update=MomentumUpdateHook, queue_enqueue=QueueEnqueueHook)
    assert all(type(hooks[name]) is kind for name, kind in needed.items())
    assert not cfg.get('custom_hooks')
    assert {type(METRICS.build(metric)) for metric in (cfg.val_evaluator, cfg.test_evaluator)} == {KNN}


def test_datasets_take_their_options_and_normalizations_build(cfg):
    for loader in loaders(cfg):
        assert DATASETS.get(loader.dataset.type) is SkeletonDataset
        bound = inspect.signature(SkeletonDataset).bind(**options(loader.dataset))
        assert {'store', 'split'} <= set(bound.arguments)
        for step in loader.dataset.get('normalize', ()):
            assert isinstance(TRANSFORMS.build(step), Normalization)
        assert DATA_SAMPLERS.get(loader.sampler.type) and FUNCTIONS.get(loader.collate_fn.type)


def test_pretraining_monitors_on_the_same_data(cfg):
    """Queries are of another split than training, of one store and normalization; the gallery is what is trained on."""
    train, val, test = (loader.dataset for loader in loaders(cfg))
    assert train.split != val.split == test.split
    assert all(dataset.store == train.store for dataset in (val, test))
    assert all(dataset.get('normalize') == train.get('normalize') for dataset in (val, test))
    assert not any('gallery_dataloader' in cfg[key] for key in ('val_cfg', 'test_cfg'))


# Sets and views are two halves of a config: any of one goes with any of the other.

SETS = sorted(path for path in (CONFIGS / '_base_' / 'sets').glob('*.py') if not path.stem.endswith('_normalization'))
VIEWS = sorted((CONFIGS / '_base_' / 'views').glob('*.py'))
PERSONS = dict(nw_ucla=('kinect20', 1))  # others are of ntu25 and up to two


# Each set with two kinds of views, and all views with a set of each layout, are enough to see it.
PAIRS = [
    (data, views)
    for data in SETS
    for views in VIEWS
    if data.stem in ('ntu60_xsub', 'nw_ucla_xview') or views.stem in ('turn', 'warp')
]


@pytest.mark.parametrize(('data', 'views'), PAIRS, ids=[f'{data.stem}-{views.stem}' for data, views in PAIRS])
def test_every_set_goes_with_every_view_pipeline(tmp_path, data, views):
    layout, persons = PERSONS.get(data.stem.removesuffix('_xview'), ('ntu25', 2))
    bases = ['models/skeletonclr_bigru', 'schedules/sgd_300e', 'default_runtime']
    bases = [CONFIGS / '_base_' / f'{base}.py' for base in bases] + [data, views]
    model = dict(layout=layout, num_persons=persons, backbone=dict(hidden_channels=4))
    (tmp_path / 'joined.py').write_text(f'_base_ = {[str(path) for path in bases]}\nmodel = {model}\n')
    cfg = Config.fromfile(tmp_path / 'joined.py')
    assert check_config(cfg) == []
    made = MODELS.build(model_config(cfg))

    dataset = cfg.train_dataloader.dataset
    clips = [random_clip(1 + seed % 2, 8 + 30 * seed, made.layout.num_joints, seed=seed) for seed in range(4)]
    batch = ClipBatch.of(clips)
    for step in dataset.normalize:
        batch = TRANSFORMS.build(step).normalize(batch, made.layout)
    inputs = dict(clips=batch, keys=torch.arange(4))
    for training in (True, False):
        out = made.data_preprocessor(dict(inputs=inputs, data_samples={}), training)['inputs']
        frames = next(step.num_frames for step in cfg.data_preprocessor.test_pipeline if 'num_frames' in step)
        assert {view.shape[:2] + view.shape[3:] for view in out} == {(4, persons, made.layout.num_joints, 3)}
        assert max(view.shape[2] for view in out) == out[0].shape[2] == frames
        assert all(view.isfinite().all() for view in out)
    assert made(out[0])['joint'].shape == (4, 8)


def test_the_check_finds_nothing(path, cfg):
    assert check_config(cfg) == []
    assert config_warnings(cfg, int(NAME.fullmatch(path.stem)['processes'])) == []


def test_the_papers_data_are_normalized_as_in_the_papers(cfg):
    for loader in loaders(cfg):
        if loader.dataset.store.startswith(('data/ntu', 'data/pku_mmd')):
            # CrosSCLR's views have 50 frames, those of MAMP and its kin 120.
            frames = next(step.num_frames for step in cfg.data_preprocessor.test_pipeline if 'num_frames' in step)
            crossclr = ['CenterPersons', 'ResizeClips', 'AlignShoulders']
            expected = {50: crossclr, 120: ['CenterClip'], 'SLiM': ['CenterClip'], 'SkeleMixCLR': crossclr}
            found = [step.type for step in loader.dataset.normalize]
            assert found == expected.get(cfg.model.type, expected.get(frames, ['PreNormalize']))


def test_loops_and_optimization_are_known(cfg):
    parameter = [torch.nn.Parameter(torch.zeros(1))]
    optimizer = OPTIMIZERS.build(dict(cfg.optim_wrapper.optimizer, params=parameter))
    by_constructors = ('constructor', 'paramwise_cfg')
    wrapper = {key: value for key, value in cfg.optim_wrapper.items() if key not in by_constructors}
    OPTIM_WRAPPERS.build(dict(wrapper, optimizer=optimizer))
    for scheduler in cfg.get('param_scheduler', []):
        assert PARAM_SCHEDULERS.get(scheduler.type)
    for key, given in (('train_cfg', 2), ('val_cfg', 3), ('test_cfg', 3)):
        # MMEngine gives runner, data loader and evaluator.
        inspect.signature(LOOPS.get(cfg[key].type)).bind(*[None] * given, **options(cfg[key]))
