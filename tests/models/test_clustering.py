import itertools

import pytest
import torch
from torch import nn

from mmskelssl.models.clustering import Clusters, SelfLabels, k_means
from mmskelssl.utils.errors import ConfigError


def groups(number: int, size: int, width: int = 12, spread: float = 0.01) -> tuple[torch.Tensor, torch.Tensor]:
    """Points around centres far from each other, in random order, and the group of each."""
    group = torch.arange(number).repeat(size)[torch.randperm(number * size)]
    return 3 * torch.eye(width)[:number][group] + spread * torch.randn(len(group), width), group


def same_partition(labels: torch.Tensor, group: torch.Tensor) -> bool:
    pairs = set(zip(labels.tolist(), group.tolist(), strict=True))
    return len(pairs) == len(set(labels.tolist())) == len(set(group.tolist()))


def test_k_means_finds_groups_and_their_means():
    points, group = groups(5, 20)
    centres = k_means(points, 5, seed=1)
    own = torch.cdist(points, centres).argmin(1)
    assert same_partition(own, group)
    for number in range(5):
        torch.testing.assert_close(centres[number], points[own == number].mean(0))


def test_k_means_is_the_best_of_all_partitions_where_they_can_be_tried():
    points = torch.tensor([[0.0], [1], [2], [10], [11], [20]])
    centres = k_means(points, 2, seed=0)
    best = min(
        sum(
            ((points[list(part)] - points[list(part)].mean(0)) ** 2).sum() for part in (left, set(range(6)) - set(left))
        )
        for size in range(1, 6)
        for left in itertools.combinations(range(6), size)
    )
    torch.testing.assert_close(torch.cdist(points, centres).amin(1).square().sum(), best)


def test_chance_is_that_of_the_seed_alone():
    points = torch.randn(60, 4)
    first = k_means(points, 7, seed=3)
    torch.rand(5)
    assert torch.equal(k_means(points, 7, seed=3), first) and not torch.equal(k_means(points, 7, seed=4), first)


def test_equal_points_have_equal_centres():
    assert torch.equal(k_means(torch.ones(6, 3), 4, seed=0), torch.ones(4, 3))


def test_clusters_are_found_whatever_mean_and_scale_features_have():
    features, group = groups(6, 15)
    clusters = Clusters(12, 6, directions=5)
    clusters.fit(features * torch.linspace(0.1, 10, 12) + 100, seed=0)
    assert same_partition(clusters(features * torch.linspace(0.1, 10, 12) + 100), group)


def test_points_are_whitened_before_they_get_unit_length():
    features = torch.randn(50, 6) @ torch.randn(6, 6) + 3
    clusters = Clusters(6, 3, directions=4)
    clusters.fit(features, seed=0)
    white = (features - clusters.mean) @ clusters.projection
    torch.testing.assert_close(white.T @ white / 50, torch.eye(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(clusters.points(features), white / white.norm(dim=1, keepdim=True))


def test_features_of_few_directions_are_clustered_in_these():
    features = groups(3, 10, width=8, spread=0)[0]
    clusters = Clusters(8, 3, directions=8)
    clusters.fit(features, seed=0)
    assert clusters.points(features).isfinite().all() and len(clusters(features).unique()) == 3


def test_fewer_features_than_clusters_are_refused():
    with pytest.raises(ConfigError, match=r'9 clusters of 4 clips: lower model.num_clusters'):
        Clusters(3, 9).fit(torch.randn(4, 3), seed=0)


def backbone() -> nn.Module:
    built = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4))
    built.out_channels = 4
    return built


def test_labels_are_those_of_the_copy_and_not_of_what_the_backbone_became():
    original, view = backbone(), torch.randn(30, 5)
    labels = SelfLabels(original, 3)
    original(view)
    labels.advance(1, original, torch.empty(0, 4))
    expected = original.eval()(view).detach()
    original[0].weight.data.normal_()
    labels.advance(1, original, torch.empty(0, 4))
    labels.advance(2, original, labels.taught(view))
    assert torch.equal(labels.taught(view), expected) and not labels.taught(view).requires_grad
    assert not any(parameter.requires_grad for parameter in labels.teacher.parameters())


def test_clusters_are_found_once_per_round():
    original, features = backbone(), torch.randn(30, 4)
    labels = SelfLabels(original, 3)
    labels.advance(2, original, features)
    centres = labels.clusters.centres.clone()
    labels.classifier.weight.data.fill_(7)
    labels.advance(2, original, features + torch.randn(30, 4))
    assert torch.equal(labels.clusters.centres, centres) and (labels.classifier.weight == 7).all()
    labels.advance(4, original, features + torch.randn(30, 4))
    assert not torch.equal(labels.clusters.centres, centres) and not (labels.classifier.weight == 7).any()


def test_classifier_begins_with_the_clusters():
    features, group = groups(3, 20, width=4, spread=0.1)
    labels = SelfLabels(backbone(), 3)
    labels.advance(2, backbone(), 100 + features)
    scores = labels.classifier(100 + features)
    clusters = labels.clusters
    white = (100 + features - clusters.mean) @ clusters.projection
    torch.testing.assert_close(scores, white @ clusters.centres.T, atol=1e-2, rtol=1e-3)
    assert torch.equal(scores.argmax(1), clusters(100 + features)) and same_partition(scores.argmax(1), group)


@pytest.mark.parametrize('stage', [0, 1, 2, 3])
def test_loss_is_the_smoothed_cross_entropy_of_the_clusters_where_there_are_any(stage):
    labels = SelfLabels(backbone(), 3, smoothing=0.3)
    taught, features = torch.randn(30, 4), torch.randn(30, 4)
    labels.advance(2, backbone(), taught)
    labels.advance(stage, backbone(), taught)
    labels.classifier.weight.data.normal_()
    wanted = 0.7 * nn.functional.one_hot(labels.clusters(taught), 3) + 0.3 / 3
    expected = -(wanted * labels.classifier(features).log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(labels.loss(features, taught), expected * (stage == 2))
