import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmskelssl.evaluation.functional import LinearRecipe, topk_accuracy, train_linear_probes

WIDTH, CLASSES = 5, 3


@pytest.fixture
def planted():
    """Features whose first coordinates are those of the class, with noise."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % CLASSES
    features = F.one_hot(labels, WIDTH).float() + 0.1 * torch.randn(60, WIDTH, generator=generator)
    return features, labels


def by_autograd(features, labels, recipe, rate, seed):
    """The same training on full batches, whose order does not matter, step by step with torch's SGD."""
    layer = nn.Linear(WIDTH, CLASSES)
    layer.weight.data = 0.01 * torch.randn(WIDTH, CLASSES, generator=torch.Generator().manual_seed(seed)).T
    layer.bias.data.zero_()
    optimizer = torch.optim.SGD(layer.parameters(), rate, momentum=recipe.momentum, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, recipe.milestones, recipe.gamma)
    for _ in range(recipe.epochs):
        optimizer.zero_grad()
        F.cross_entropy(layer(features), labels).backward()
        optimizer.step()
        schedule.step()
    return layer


@pytest.mark.parametrize('weight_decay', [0.0, 0.1])
def test_every_probe_of_the_grid_is_trained_as_if_alone(planted, weight_decay):
    features, labels = planted
    recipe = LinearRecipe(12, len(labels), (4, 8), 0.2, 0.9, weight_decay)
    rates, seeds = [0.01, 0.3, 2.0], [3, 7]
    probes = train_linear_probes(features[None], labels, CLASSES, recipe, rates, seeds)
    assert probes.scores(features).shape == (2, 3, 60, CLASSES)
    for s, seed in enumerate(seeds):
        for r, rate in enumerate(rates):
            layer = by_autograd(features, labels, recipe, rate, seed)
            torch.testing.assert_close(probes.weight[s, r], layer.weight.T, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(probes.scores(features)[s, r], layer(features), rtol=1e-4, atol=1e-4)


def test_features_may_be_normalized_and_the_rate_fall_on_a_cosine(planted):
    """Of full batches, which have the statistics of all clips."""
    features, labels = planted
    features = 5 + features * torch.tensor([1, 10, 100, 0.1, 1])
    recipe = LinearRecipe(12, len(labels), cosine=True, norm=True)
    probes = train_linear_probes(features[None], labels, CLASSES, recipe, [0.3], [3])
    norm = nn.BatchNorm1d(WIDTH, eps=1e-6, affine=False)
    layer = nn.Linear(WIDTH, CLASSES)
    layer.weight.data = 0.01 * torch.randn(WIDTH, CLASSES, generator=torch.Generator().manual_seed(3)).T
    layer.bias.data.zero_()
    optimizer = torch.optim.SGD(layer.parameters(), 0.3, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 12)
    for _ in range(12):
        optimizer.zero_grad()
        F.cross_entropy(layer(norm(features)), labels).backward()
        optimizer.step()
        schedule.step()
    norm.running_mean, norm.running_var = features.mean(0), features.var(0)
    torch.testing.assert_close(probes.scores(features)[0, 0], layer(norm.eval()(features)), rtol=1e-3, atol=1e-4)


def test_the_cosine_falls_step_by_step_and_milestones_are_epochs():
    cosine, steps = LinearRecipe(4, 8, cosine=True), LinearRecipe(4, 8, (2, 3), 0.1)
    assert [cosine.rate_factor(step, 5) for step in (0, 5, 10, 15)] == pytest.approx(
        [1, 0.853553, 0.5, 0.146447], abs=1e-5
    )
    assert [steps.rate_factor(step, 5) for step in (0, 9, 10, 14, 15, 19)] == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01, 0.01]
    )


def test_a_last_batch_of_one_clip_is_normalized_by_all(planted):
    features, labels = planted
    probes = train_linear_probes(features[None], labels, CLASSES, LinearRecipe(5, 59, norm=True), [0.1], [0])
    assert probes.weight.isfinite().all() and topk_accuracy(probes.scores(features)[0, 0], labels, 1) == 100


def test_batches_cover_every_clip_and_crop(planted):
    """What only one crop of one clip shows is learned, so every crop is taken and every clip comes."""
    features, labels = planted
    crops = torch.zeros(3, 60, WIDTH)
    crops[1, 7, 4] = 1
    recipe = LinearRecipe(30, 16)
    probes = train_linear_probes(crops, labels, CLASSES, recipe, [1.0], [0])
    assert probes.weight[0, 0, 4].argmax() == labels[7]
    assert probes.weight[0, 0, 4].abs().max() > 0.05 > probes.weight[0, 0, :4].abs().max()


def test_planted_classes_are_found(planted):
    features, labels = planted
    probes = train_linear_probes(features[None], labels, CLASSES, LinearRecipe(20, 16), [0.1, 1.0], [0, 1])
    for scores in probes.scores(features).flatten(0, 1):
        assert topk_accuracy(scores, labels, 1) == 100


def test_a_seed_fixes_the_result_whatever_it_is_trained_beside(planted):
    features, labels = planted
    recipe = LinearRecipe(3, 16)
    alone = train_linear_probes(features[None], labels, CLASSES, recipe, [0.5], [1])
    beside = train_linear_probes(features[None], labels, CLASSES, recipe, [0.1, 0.5], [0, 1])
    torch.testing.assert_close(alone.weight[0, 0], beside.weight[1, 1])
    assert not torch.equal(beside.weight[0], beside.weight[1])
