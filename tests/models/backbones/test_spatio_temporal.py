import pytest
import torch

from mmskelssl.datasets.layouts import KINECT20
from mmskelssl.models import build_backbone
from mmskelssl.models.backbones.spatio_temporal import frame_tokens, joint_tokens
from mmskelssl.models.modalities import get_modality
from mmskelssl.utils.errors import ConfigError

SIZES = dict(num_frames=8, width=12, num_heads=2)


@pytest.fixture
def view():
    return torch.randn(3, 2, 8, 20, 3)


def make(kind, **options):
    return build_backbone(dict(type=kind, **SIZES, **options), KINECT20, 2).eval()


def test_a_token_holds_what_it_is_of(view):
    frames, joints = frame_tokens(view), joint_tokens(view)
    assert frames.shape == (3, 8, 120) and joints.shape == (3, 40, 24)
    assert torch.equal(frames[1, 5], view[1, :, 5].flatten())
    assert torch.equal(joints[1, 20 + 7], view[1, 1, :, 7].flatten())


def test_feature_is_the_maximum_over_both_forms_of_tokens(view):
    backbone = make('STTR')
    tokens, pooled = backbone.tokens(view), backbone.pooled(view)
    assert tokens['temporal'].shape == (3, 8, 12) and tokens['spatial'].shape == (3, 40, 12)
    for form, values in tokens.items():
        torch.testing.assert_close(pooled[form], values.amax(1))
    torch.testing.assert_close(backbone(view), torch.cat([pooled['temporal'], pooled['spatial']], 1))
    assert backbone.poolings == dict(temporal=12, spatial=12)


@pytest.mark.parametrize('joint_positions', [False, True])
def test_order_counts_where_tokens_have_positions(view, joint_positions):
    """Joints that change places leave a maximum over unplaced tokens as it is."""
    backbone = make('STTR', joint_positions=joint_positions)
    order = torch.randperm(40)
    shuffled = view.transpose(1, 2).flatten(2, 3)[:, :, order].unflatten(2, (2, 20)).transpose(1, 2)
    spatial = [backbone.pooled(x)['spatial'] for x in (view, shuffled)]
    assert torch.allclose(*spatial, atol=1e-5) != joint_positions
    temporal = [backbone.pooled(x)['temporal'] for x in (view, view.flip(2))]
    assert not torch.allclose(*temporal, atol=1e-3)


@pytest.mark.parametrize(('shape', 'found'), [((3, 2, 9, 20, 3), '2 and 9'), ((3, 1, 8, 20, 3), '1 and 8')])
@pytest.mark.parametrize('kind', ['STTR', 'UnifiedSTTR', 'DecoupledEncoder'])
def test_other_frames_and_persons_are_refused(kind, shape, found):
    with pytest.raises(ConfigError, match=f'{kind} is built for 2 persons and 8 frames, but the view has {found}: set'):
        make(kind)(torch.zeros(shape))


def test_fused_tokens_are_the_mapped_mean_of_the_modalities(view):
    backbone = make('UnifiedSTTR', modalities=['motion', 'joint'])
    singly = [backbone.embed_one(view, modality) for modality in ('motion', 'joint')]
    for form, tokens in backbone.embed(view).items():
        mean = (singly[0][form] + singly[1][form]) / 2
        torch.testing.assert_close(tokens, mean @ backbone.fusion[form].weight.T)
    fused = backbone.pool(backbone.encode_all(backbone.embed(view)))[None]
    torch.testing.assert_close(backbone(view), fused)


def test_a_modality_by_itself_is_encoded_without_fusion(view):
    unified, plain = make('UnifiedSTTR'), make('STTR', num_layers=1, joint_positions=False)
    for modality in unified.modalities:
        plain.embedding.load_state_dict(unified.embedding[modality].state_dict())
        plain.layers.load_state_dict(unified.layers.state_dict())
        derived = get_modality(modality)(view, KINECT20)
        torch.testing.assert_close(unified.single(view, modality), plain(derived))


@pytest.mark.parametrize('modalities', [[], ['joint', 'joint']])
def test_modalities_are_named_once(modalities):
    with pytest.raises(ConfigError, match='name one modality or several, each once'):
        make('UnifiedSTTR', modalities=modalities)
