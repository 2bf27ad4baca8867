import pytest
import torch
from workshop import takes_views

from mmskelssl.models import MomentumContrast
from mmskelssl.registry import MODELS


@pytest.fixture
def make_model():
    """Builds a small method; options as in a config."""

    def make(kind: str = 'SkeletonCLR', **options):
        config = dict(
            type=kind,
            backbone=dict(type='BiGRU', hidden_channels=8),
            neck=dict(type='ProjectionNeck'),
            layout='kinect20',
            num_persons=1,
            feat_dim=4,
        )
        bank = dict(queue_size=32) if issubclass(MODELS.get(kind), MomentumContrast) else {}
        return takes_views(MODELS.build(config | bank | options))

    return make


@pytest.fixture
def views():
    """Two views (6, 1, 16, 20, 3) of the same clips."""
    clips = torch.randn(6, 1, 16, 20, 3)
    return [clips + 0.1 * torch.randn_like(clips) for _ in range(2)]
