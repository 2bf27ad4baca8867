import pytest
import torch

from mmskelssl.models import RawCoordinates


@pytest.mark.parametrize(('layout', 'joints'), [('kinect20', 20), ('hand22', 22)])
def test_feature_is_every_coordinate_in_order(layout, joints):
    width = 2 * 4 * joints * 3
    x = torch.arange(2 * width).view(2, 2, 4, joints, 3).float()
    model = RawCoordinates(num_frames=4, layout=layout, num_persons=2)
    feature = model(x)
    assert feature.shape == (2, model.out_channels) == (2, width)
    assert torch.equal(feature[1], torch.arange(width, 2 * width).float())
    assert not list(model.parameters())
