"""Prototypes: scores, targets and what keeps them from collapse."""

import pytest
import torch
import torch.nn.functional as F

from mmskelssl.datasets.keyed_random import KeyedRandom
from mmskelssl.datasets.layouts import KINECT20, NTU25
from mmskelssl.models.losses import class_token_loss, hidden_token_loss, koleo, sinkhorn
from mmskelssl.models.necks import PrototypeNeck
from mmskelssl.models.prototype_targets import PrototypeTargets
from mmskelssl.models.tubes import group_tubes
from mmskelssl.utils.errors import ConfigError


def test_scores_are_cosines_at_first():
    neck, x = PrototypeNeck(6, 10, hidden_channels=8, bottleneck_channels=4), torch.randn(5, 3, 6)
    expected = F.cosine_similarity(neck.mlp(x)[..., None, :], neck.directions, dim=-1)
    torch.testing.assert_close(neck(x), expected)
    assert neck(x).shape == (5, 3, 10)


def test_sinkhorn_uses_all_prototypes_alike():
    scores = torch.randn(12, 4, generator=torch.Generator().manual_seed(0)) + torch.tensor([3.0, 0, 0, -3])
    assert (scores / 0.5).softmax(1).mean(0)[0] > 0.9
    balanced = sinkhorn(scores, 0.5, rounds=50)
    torch.testing.assert_close(balanced.sum(1), torch.ones(12))
    torch.testing.assert_close(balanced.mean(0), torch.full((4,), 0.25), atol=1e-3, rtol=0)
    assert sinkhorn(torch.zeros(0, 4), 0.5).shape == (0, 4)


def test_class_tokens_by_hand():
    """Every pair of a long view and another view, clip by clip."""
    scores, target = torch.randn(4, 3, 5), torch.randn(2, 3, 5).softmax(-1)
    pairs = [(t, s) for t in range(2) for s in range(4) if s != t]
    by_hand = [F.cross_entropy(scores[s] / 0.3, target[t]) for t, s in pairs]
    torch.testing.assert_close(class_token_loss(scores, target, 0.3), torch.stack(by_hand).mean())


def test_hidden_tokens_by_hand():
    """The mean over a view's hidden tokens first, so that views with many do not count more."""
    hidden = torch.tensor([[[True, True, True], [False, True, False]], [[False] * 3, [True, False, True]]])
    scores, target = torch.randn(6, 5), torch.randn(6, 5).softmax(-1)
    rows = [slice(0, 3), slice(3, 4), slice(4, 4), slice(4, 6)]
    by_hand = sum(F.cross_entropy(scores[r] / 0.3, target[r]) for r in rows if r.start < r.stop) / 4
    torch.testing.assert_close(hidden_token_loss(scores, target, hidden, 0.3), by_hand)


def test_koleo_by_hand_and_less_where_vectors_are_spread():
    x = torch.randn(7, 3)
    unit = F.normalize(x, dim=1)
    distance = torch.cdist(unit, unit).fill_diagonal_(9).amin(1)
    torch.testing.assert_close(koleo(x), -distance.log().mean(), rtol=1e-4, atol=1e-4)
    assert koleo(x[:1]) == 0
    assert koleo(torch.eye(3)) < koleo(torch.eye(3) + 5)


def test_centres_follow_the_scores():
    targets = PrototypeTargets(3, 'centering', momentum=0.9)
    scores = torch.tensor([[1.0, 0, 0], [3, 0, 0]])
    torch.testing.assert_close(targets(scores, 0.5), (scores / 0.5).softmax(1))
    targets.move(targets.mean)
    torch.testing.assert_close(targets.center, torch.tensor([0.2, 0, 0]))
    targets(scores[:0], 0.5)
    targets.move(targets.mean)
    torch.testing.assert_close(targets.center, torch.tensor([0.2, 0, 0]))
    assert not PrototypeTargets(3).state_dict()
    with pytest.raises(ConfigError, match="assignment='none'"):
        PrototypeTargets(3, 'none')


@pytest.mark.parametrize('layout', [NTU25, KINECT20])
def test_tubes_hide_about_what_is_wanted_and_never_more(layout):
    ratio = torch.linspace(0, 0.9, 200)
    mask = group_tubes(KeyedRandom(torch.arange(200)), layout, 8, ratio)
    share = mask.float().mean(1)
    assert (share <= ratio + 0.5 / mask.shape[1]).all() and not mask[0].any()
    assert (share[50:] > 0.75 * ratio[50:]).float().mean() > 0.9
    seen = mask.view(200, 8, -1).any(1).float().mean(0)
    assert (seen > 0.4).all()


def test_a_tube_is_a_run_of_neighbours_in_a_group_over_segments_that_follow():
    mask = group_tubes(KeyedRandom(torch.arange(300)), NTU25, 8, torch.full((300,), 0.2), tries=1).view(300, 8, 25)
    groups = [list(joints) for joints in NTU25.groups.values()]
    assert mask.any((1, 2)).float().mean() > 0.5
    for one in mask[mask.any((1, 2))]:
        segments, joints = one.any(1).nonzero().flatten(), one.any(0).nonzero().flatten().tolist()
        assert (segments.diff() == 1).all() and one.sum() == len(segments) * len(joints)
        (group,) = [joints_of for joints_of in groups if set(joints) <= set(joints_of)]
        places = sorted(group.index(joint) for joint in joints)
        assert places == list(range(places[0], places[-1] + 1))
