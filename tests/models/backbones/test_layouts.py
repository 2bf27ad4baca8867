import pytest
import torch

from mmskelssl.registry import MODELS


@pytest.mark.parametrize('backbone', ['STGCN', 'AGCN', 'GCNTransformer'])
def test_graph_backbones_refuse_another_skeleton(backbone):
    model = MODELS.build(dict(type=backbone, layout='kinect20'))
    with pytest.raises(ValueError, match="does not fit layout 'kinect20' with 20 joints"):
        model(torch.zeros(2, 2, 8, 25, 3))
