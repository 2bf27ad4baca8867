import pytest
import torch

from mmskelssl.datasets.layouts import KINECT20
from mmskelssl.models import build_backbone
from mmskelssl.models.backbones.spatio_temporal import frame_tokens, joint_tokens
from mmskelssl.utils.errors import ConfigError


def make(**options):
    sizes = dict(num_frames=8, gcn_channels=4, width=12, num_heads=2)
    return build_backbone(dict(type='DecoupledEncoder') | sizes | options, KINECT20, 2).eval()


def test_each_form_is_cut_from_a_map_of_its_own():
    backbone, view = make(), torch.randn(3, 2, 8, 20, 3)
    tokens = backbone.tokens(view)
    for form, cut in dict(temporal=frame_tokens, spatial=joint_tokens).items():
        x = cut(backbone.graphs[form].feature_map(view).permute(0, 1, 3, 4, 2))
        expected = backbone.layers[form][0](backbone.embedding[form](x))
        torch.testing.assert_close(tokens[form], expected)
    assert tokens['temporal'].shape == (3, 8, 12) and tokens['spatial'].shape == (3, 40, 12)


def test_tokens_have_no_positions():
    """Tokens that change places leave the maximum as it is."""
    backbone = make()
    for form, tokens in backbone.embed(torch.randn(3, 2, 8, 20, 3)).items():
        order = torch.randperm(tokens.shape[1])
        maxima = [backbone.encode(form, x).amax(1) for x in (tokens, tokens[:, order])]
        torch.testing.assert_close(*maxima)


@pytest.mark.parametrize(
    ('options', 'says'),
    [
        (dict(gcn_channels=0), 'gcn_channels=0 is too small'),
        (dict(gcn_channels=6), '6 channels of graph convolutions cannot be shared by 4 branches'),
        (dict(width=10, num_heads=4), 'model.backbone.width=10 cannot be shared by num_heads=4'),
        (dict(num_layers=0), 'num_layers=0 is too small'),
    ],
)
def test_values_out_of_range_are_refused(options, says):
    with pytest.raises(ConfigError, match=says):
        make(**options)
