import pytest
import torch

from mmskelssl.datasets.layouts import LAYOUTS, get_layout
from mmskelssl.models import build_backbone
from mmskelssl.registry import MODELS


@pytest.mark.parametrize('backbone', ['STGCN', 'AGCN', 'GCNTransformer', 'SkeletonTransformer'])
def test_graph_backbones_refuse_another_skeleton(backbone):
    model = MODELS.build(dict(type=backbone, layout='kinect20'))
    with pytest.raises(ValueError, match="does not fit layout 'kinect20' with 20 joints"):
        model(torch.zeros(2, 2, 8, 25, 3))


BACKBONES = [
    dict(type='BiGRU', hidden_channels=4),
    dict(type='STGCN', base_channels=2, out_channels=8),
    dict(type='AGCN', base_channels=4),
    dict(type='GCNTransformer', gcn_channels=2, width=8, num_layers=1, num_heads=2, ffn_channels=8),
    dict(type='SkeletonTransformer', num_frames=8, width=8, num_layers=1, num_heads=2),
    dict(type='ClassTokenTransformer', num_frames=8, width=8, num_layers=1, num_heads=2),
    dict(type='ClassTokenTransformer', num_frames=8, width=8, num_layers=1, num_heads=2, pool='class'),
    dict(type='STTR', num_frames=8, width=8, num_layers=1, num_heads=2),
    dict(type='UnifiedSTTR', num_frames=8, width=8, num_heads=2),
    dict(type='DSTE', num_frames=8, width=8, num_layers=1, num_heads=2),
    dict(type='DecoupledEncoder', num_frames=8, gcn_channels=4, width=8, num_heads=2),
    dict(type='RawCoordinates', num_frames=8),
    dict(type='TCN', channels=(4, 4, 8)),
]


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('backbone', BACKBONES, ids=lambda config: config['type'])
def test_every_backbone_is_for_every_layout(backbone, layout):
    """A hand, which has neither shoulders nor a trunk, too."""
    layout = get_layout(layout)
    model = build_backbone(backbone, layout, 2).eval()
    x = torch.randn(3, 2, 8, layout.num_joints, 3)
    feature = model(x)
    assert feature.shape == (3, model.out_channels) and feature.isfinite().all()
    # Every joint counts.
    for joint in range(layout.num_joints):
        other = x.clone()
        other[..., joint, :] += 1
        assert not torch.equal(model(other), feature), layout.joints[joint]


@pytest.mark.parametrize('backbone', BACKBONES, ids=lambda config: config['type'])
def test_a_process_may_have_no_clips(backbone):
    """The last batch of an epoch may have fewer clips than there are processes."""
    model = build_backbone(backbone, get_layout('kinect20'), 2).eval()
    assert model(torch.empty(0, 2, 8, 20, 3)).shape == (0, model.out_channels)
