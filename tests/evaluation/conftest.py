from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmskelssl.datasets import ClipStore
from mmskelssl.datasets.label_draws import write_draws
from mmskelssl.evaluation.protocols import load_protocol
from mmskelssl.evaluation.reading import read_pretrained
from mmskelssl.registry import MODELS
from mmskelssl.utils.config import model_config

CONFIGS = Path(__file__).parents[2] / 'configs'
PROTOCOLS = CONFIGS / 'protocols'
VIEW = [dict(type='TemporalCropResize', num_frames=8, ratio=(0.3, 1.0), min_frames=4), dict(type='Shear')]
TEST = [dict(type='CenterCropResize', num_frames=8)]
GRU = dict(type='BiGRU', hidden_channels=8)


def pretraining(store, backbone=GRU, modalities=('joint', 'motion', 'bone')) -> Config:
    """The config of a pre-training run on a store."""
    train = dict(type='SkeletonDataset', store=str(store), split='train')
    return Config(
        dict(
            default_scope='mmskelssl',
            model=dict(
                type='SkeletonCLR',
                backbone=dict(backbone),
                neck=dict(type='ProjectionNeck'),
                modalities=list(modalities),
                layout='kinect20',
                num_persons=1,
                queue_size=16,
                feat_dim=4,
            ),
            data_preprocessor=dict(
                type='SkeletonDataPreprocessor',
                train_pipeline=[dict(type='MultiView', transforms=VIEW)],
                test_pipeline=TEST,
            ),
            train_dataloader=dict(num_workers=0, persistent_workers=False, dataset=train),
            test_dataloader=dict(dataset=dict(train, split='test')),
        )
    )


@pytest.fixture(scope='session')
def store(tmp_path_factory) -> Path:
    """A store of 60 training and 30 test clips of 3 classes, with label draws beside it."""
    folder = tmp_path_factory.mktemp('data')
    random = np.random.default_rng(0)
    with ClipStore.create(folder / 'small', 'kinect20', ['wave', 'sit', 'jump']) as writer:
        for number in range(90):
            clip = 0.3 * random.standard_normal((1, random.integers(8, 20), 20, 3))
            clip[:, :, number % 3] += 1 + np.linspace(0, 1, clip.shape[1])[:, None]
            writer.add(f'clip {number:02d}', number % 3, clip)
        writer.splits.update(train=range(60), test=range(60, 90))
    names, labels = [f'clip {number:02d}' for number in range(60)], [number % 3 for number in range(60)]
    for kind in ('random', 'balanced'):
        write_draws(folder / 'draws' / f'small_train_{kind}.txt.gz', names, labels, kind == 'balanced')
    return folder / 'small'


@pytest.fixture(scope='session')
def make_checkpoint(tmp_path_factory):
    """Writes a checkpoint as pre-training by a config leaves it, and gives its path."""

    def make(cfg, seed=0, meta=()):
        torch.manual_seed(seed)
        model = MODELS.build(model_config(cfg))
        for module in model.modules():  # batch statistics that training would notice
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                module.running_mean.uniform_(-0.1, 0.1)
        path = tmp_path_factory.mktemp('run') / 'epoch_3.pth'
        meta = dict(cfg=cfg.pretty_text, epoch=3, experiment_name='tiny_20260101_000000') | dict(meta)
        torch.save(dict(state_dict=model.state_dict(), meta=meta), path)
        return str(path)

    return make


@pytest.fixture(scope='session')
def checkpoint(store, make_checkpoint) -> str:
    return make_checkpoint(pretraining(store))


@pytest.fixture
def model(checkpoint):
    return read_pretrained(checkpoint)


@pytest.fixture(scope='session')
def load(store):
    """Loads a protocol, two epochs long and with the store's draws."""

    def load(name, **options):
        trained = not name.startswith(('knn', 'logistic')) and name.rpartition('-')[2] not in ('2s', '3s')
        short = {'train_cfg.max_epochs': 2, 'param_scheduler.0.milestones': [1]} if trained else {}
        if trained and not name.startswith('linear') and not name.endswith('-cmd'):
            short |= {'protocol.min_steps': 0, 'protocol.search_rates': []}
        draws = {'protocol.draws': str(store.parent / 'draws')} if name.startswith('semi') else {}
        return load_protocol(name, {name: short | draws | options})

    return load
