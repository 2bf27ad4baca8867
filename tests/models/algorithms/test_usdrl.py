from itertools import combinations

import pytest
import torch
import torch.nn.functional as F
from golden import DATA, to_view

from mmskelssl.cli.official_weights import build_converted, convert_official
from mmskelssl.models.losses import covariance, cross_correlation, variance
from mmskelssl.utils.errors import ConfigError

PROJECTOR = dict(type='ProjectionNeck', num_layers=3, batch_norm=True)
NECK = dict(
    temporal=dict(PROJECTOR, pooling='temporal', out_channels=6),
    spatial=dict(PROJECTOR, pooling='spatial'),
    instance=PROJECTOR,
)
LEVELS = dict(temporal=0.2, spatial=0.3, instance=2.0)


@pytest.fixture
def make(make_model):
    dste = dict(type='DSTE', num_frames=16, width=8, num_heads=2, drop_path=0.0)
    options = dict(backbone=dste, neck=NECK, level_weights=LEVELS)
    return lambda **changes: make_model('USDRL', **options | changes)


@pytest.fixture
def views():
    return list(torch.randn(4, 6, 1, 16, 20, 3))


def test_slice_of_the_official_program():
    """The official losses of the official embeddings, and the official features of one view."""
    golden = torch.load(DATA / 'golden_usdrl.pt', torch.get_default_device(), weights_only=True)
    weights, config, _ = convert_official('usdrl', golden['official_state_dict'])
    config['backbone']['num_heads'] = golden['config']['heads']
    model = build_converted(weights, config, 'slice').eval()
    weight = dict(similarity=5, variance_covariance=1, cross_correlation=1e-3)
    for level, views in golden['embeddings'].items():
        for term, value in model.compare(list(views)).items():
            expected = weight[term] * golden['losses'][f'{term}_{level}']
            assert value.item() == pytest.approx(expected, rel=1e-5), (level, term)
    view = to_view(golden['view'].float())
    torch.testing.assert_close(model(view)['joint'], golden['features_eval'], atol=1e-5, rtol=1e-5)
    tokens = model.encoder['joint'].backbone.tokens(view)
    torch.testing.assert_close(tokens, golden['dense_eval'], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('modalities', [['joint'], ['motion', 'bone']])
def test_losses_written_out(make, views, modalities):
    options = dict(invariance_weight=3, variance_weight=2, correlation_weight=0.1, redundancy_weight=0.3)
    model = make(modalities=modalities, **options)
    losses = model(views, mode='loss')
    embeddings = [model.embed(model.encoder, view) for view in views]
    assert len(losses) == 9 * len(modalities)
    for a in modalities:
        for level, weight in LEVELS.items():
            z = [embedding[f'{a}_{level}'] for embedding in embeddings]
            mean = (z[0] + z[1] + z[2]) / 3
            expected = dict(
                similarity=3 * sum(F.mse_loss(x, z[3]) + F.mse_loss(x, mean) for x in z[:3]),
                variance_covariance=sum(2 * variance(x) + covariance(x) for x in z),
                cross_correlation=0.1 * sum(cross_correlation(x, y, 0.3) for x, y in combinations(z, 2)),
            )
            for term, value in expected.items():
                torch.testing.assert_close(losses[f'loss_{a}_{level}_{term}'], weight * value)
            assert torch.equal(model.embeddings[f'{a}_{level}'], z[0])


@pytest.mark.parametrize('levels', [dict(temporal=1.0), LEVELS | dict(dense=1.0)])
def test_levels_and_necks_have_the_same_names(make, levels):
    given = ', '.join(f"'joint_{level}'" for level in levels)
    found = "'joint_temporal', 'joint_spatial', 'joint_instance'"
    with pytest.raises(ConfigError, match=rf'is of \[{given}\], but the necks give \[{found}\]: give each'):
        make(level_weights=levels)
    with pytest.raises(ConfigError, match=r"the necks give \['joint'\]"):
        make(neck=PROJECTOR)
