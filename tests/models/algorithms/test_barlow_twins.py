import pytest
import torch

from mmskelssl.models.losses import barlow_twins

NECK = dict(type='ProjectionNeck', num_layers=3, hidden_channels=12, batch_norm=True)


@pytest.fixture
def make(make_model):
    return lambda **options: make_model('BarlowTwins', **dict(neck=NECK) | options)


@pytest.mark.parametrize('modalities', [['joint'], ['joint', 'motion', 'bone']])
@pytest.mark.parametrize('options', [{}, dict(redundancy_weight=0.5)])
def test_loss_is_that_of_the_embeddings_of_both_views_in_each_modality(make, views, modalities, options):
    model = make(modalities=modalities, **options)
    losses = model(views, mode='loss')
    assert list(losses) == [f'loss_{a}' for a in modalities]
    first, second = (model.embed(model.encoder, view) for view in views)
    for a in modalities:
        expected = barlow_twins(first[a], second[a], options.get('redundancy_weight', 0.0051))
        torch.testing.assert_close(losses[f'loss_{a}'], expected)
        assert torch.equal(model.embeddings[a], first[a])


def test_views_are_normalized_each_by_itself(make, views):
    """The statistics of a view are its own, as in the paper's program: two calls of the encoder, not one."""
    model = make()
    other = [views[0], views[1] + 3]
    model(views, mode='loss')
    before = model.embeddings['joint']
    model(other, mode='loss')
    assert torch.equal(model.embeddings['joint'], before)


def test_embeddings_are_as_wide_as_the_model_says(make, views):
    model = make(feat_dim=32)
    model(views, mode='loss')
    assert model.widths == dict(joint=32) and model.embeddings['joint'].shape == (6, 32)
