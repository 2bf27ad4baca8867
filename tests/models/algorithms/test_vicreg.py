import pytest
import torch

from mmskelssl.models.losses import covariance, invariance, variance

NECK = dict(type='ProjectionNeck', num_layers=3, hidden_channels=12, batch_norm=True)
TERMS = ('invariance', 'variance', 'covariance')


@pytest.fixture
def make(make_model):
    return lambda **options: make_model('VICReg', **dict(neck=NECK) | options)


@pytest.mark.parametrize('modalities', [['joint'], ['joint', 'bone']])
@pytest.mark.parametrize('weights', [(25, 25, 1), (2, 3, 4)])
def test_losses_are_the_weighted_terms_in_each_modality(make, views, modalities, weights):
    options = {f'{term}_weight': weight for term, weight in zip(TERMS, weights, strict=True)}
    model = make(modalities=modalities, **(options if weights != (25, 25, 1) else {}))
    losses = model(views, mode='loss')
    assert list(losses) == [f'loss_{a}_{term}' for a in modalities for term in TERMS]
    first, second = (model.embed(model.encoder, view) for view in views)
    for a in modalities:
        x, y = first[a], second[a]
        expected = invariance(x, y), (variance(x) + variance(y)) / 2, covariance(x) + covariance(y)
        for term, weight, value in zip(TERMS, weights, expected, strict=True):
            torch.testing.assert_close(losses[f'loss_{a}_{term}'], weight * value)
        assert torch.equal(model.embeddings[a], x)


def test_terms_do_what_they_are_for(make, views):
    """Equal views cost no invariance, and equal clips cost the whole variance."""
    model = make()
    assert model([views[0], views[0]], mode='loss')['loss_joint_invariance'].item() == 0
    alike = [view[:1].expand(6, -1, -1, -1, -1) for view in views]
    losses = model.eval()(alike, mode='loss')
    assert losses['loss_joint_variance'].item() == pytest.approx(25 * (1 - 0.01), rel=1e-3)
    assert losses['loss_joint_covariance'].item() == pytest.approx(0, abs=1e-6)
