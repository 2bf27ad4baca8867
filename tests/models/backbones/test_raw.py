import torch

from mmskelssl.models import RawCoordinates


def test_feature_is_every_coordinate_in_order():
    x = torch.arange(2 * 2 * 4 * 20 * 3).view(2, 2, 4, 20, 3).float()
    model = RawCoordinates(out_channels=480)
    feature = model(x)
    assert feature.shape == (2, model.out_channels)
    assert torch.equal(feature[1], torch.arange(480, 960).float())
    assert not list(model.parameters())
