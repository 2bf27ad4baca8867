from pathlib import Path

import pytest
from mmengine.config import Config
from workshop import write_checkpoint


@pytest.fixture
def pretraining_config() -> Config:
    """Of a tiny SkeletonCLR on clips of 25 joints."""
    return Config(
        dict(
            model=dict(
                type='SkeletonCLR',
                modalities=['joint', 'bone'],
                backbone=dict(type='BiGRU', hidden_channels=4),
                neck=dict(type='ProjectionNeck'),
                queue_size=8,
                feat_dim=4,
            ),
            data_preprocessor=dict(
                type='SkeletonDataPreprocessor',
                test_pipeline=[dict(type='CenterCropResize', num_frames=8, ratio=0.95)],
            ),
            test_dataloader=dict(
                dataset=dict(type='SkeletonDataset', store='nowhere', normalize=[dict(type='CenterClip')])
            ),
        )
    )


@pytest.fixture
def classifier_config(pretraining_config) -> Config:
    backbone = pretraining_config.model.backbone
    model = dict(type='SkeletonClassifier', backbone=backbone, head=dict(type='LinearHead', num_classes=3))
    return Config(dict(pretraining_config, model=model))


@pytest.fixture
def make_checkpoint(tmp_path):
    """Writes a checkpoint of random weights with its config in it."""

    def make(cfg: Config, name: str = 'epoch_1.pth', **meta: object) -> Path:
        return write_checkpoint(tmp_path / name, cfg, **meta)

    return make
