import pytest
import torch
from mmengine.config import Config

from mmskelssl.registry import MODELS
from mmskelssl.utils.config import model_config


@pytest.fixture
def pretraining_config() -> Config:
    """Of a tiny SkeletonCLR on clips of 25 joints."""
    backbone = dict(type='BiGRU', hidden_channels=4)
    pipeline = [dict(type='CenterCropResize', num_frames=8, ratio=0.95)]
    return Config(
        dict(
            model=dict(
                type='SkeletonCLR',
                modalities=['joint', 'bone'],
                backbone=backbone,
                neck=dict(type='ProjectionNeck'),
                queue_size=8,
                feat_dim=4,
            ),
            data_preprocessor=dict(type='SkeletonDataPreprocessor', test_pipeline=pipeline),
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
    """Writes a checkpoint of random weights with its config in it, as MMEngine does."""

    def make(cfg, name='epoch_1.pth', **meta):
        torch.manual_seed(0)
        model = MODELS.build(model_config(cfg))
        path = tmp_path / name
        torch.save(dict(state_dict=model.state_dict(), meta=dict(cfg=cfg.pretty_text, **meta)), path)
        return path

    return make
