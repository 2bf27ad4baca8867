import importlib
import sys

import pytest
import torch
from mmengine.config import Config

VIEWS = dict(
    type='SkeletonDataPreprocessor',
    train_pipeline=[dict(type='MultiView', transforms=[dict(type='TemporalCropResize', num_frames=8)], num_views=2)],
)
ONE_VIEW = dict(VIEWS, train_pipeline=[dict(type='CenterCropResize', num_frames=8)])
GRU = dict(type='BiGRU', hidden_channels=4)
TRANSFORMER = dict(type='GCNTransformer', gcn_channels=4, width=8, num_layers=1, num_heads=2, ffn_channels=8)
MODELS = dict(
    CMD=dict(backbone=GRU, neck=dict(type='ProjectionNeck'), queue_size=16, feat_dim=4, num_neighbors=4,
             modalities=['joint', 'motion', 'bone']),
    I2MD=dict(backbone=TRANSFORMER, neck=dict(type='ProjectionNeck'), queue_size=16, feat_dim=4, num_neighbors=4,
              num_aggregated=2),
    BarlowTwins=dict(backbone=GRU, neck=dict(type='ProjectionNeck'), feat_dim=4),
    MAMP=dict(backbone=dict(type='SkeletonTransformer', num_frames=8, width=8, num_layers=1, num_heads=2),
              decoder=dict(type='TokenDecoder', width=8, num_layers=1, num_heads=2), layout='ntu25', num_persons=2),
    SkeletonClassifier=dict(backbone=GRU, head=dict(type='LinearHead', num_classes=3)),
)  # fmt: skip


@pytest.fixture
def config():
    """Makes the config of a small model."""
    return _config


def _config(method, **model):
    views = ONE_VIEW if method in ('SkeletonClassifier', 'MAMP') else VIEWS
    optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1))
    return Config(dict(
        model=dict(MODELS[method], type=method, **model), data_preprocessor=views, optim_wrapper=optim_wrapper,
        train_cfg=dict(max_epochs=5), train_dataloader=dict(batch_size=4),
    ))  # fmt: skip


@pytest.fixture
def benchmark(monkeypatch, capsys):
    """Runs a benchmark and gives its exit status and what it printed."""

    def run(name, *args):
        monkeypatch.setattr(sys, 'argv', [f'{name}.py', *map(str, args)])
        threads = torch.get_num_threads()
        try:
            status = importlib.import_module(name).main()
        finally:
            torch.set_num_threads(threads)
        out, error = capsys.readouterr()
        return status, out, error

    return run
