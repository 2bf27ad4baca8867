from itertools import permutations

import pytest
import torch
import torch.nn.functional as F

from mmskelssl.models.algorithms import Entity
from mmskelssl.models.losses import mutual_contrast, mutual_distillation

MODALITIES = ('joint', 'motion', 'bone')
PAIRS = list(permutations(MODALITIES, 2))


def unit(*shape: int) -> torch.Tensor:
    return F.normalize(torch.randn(*shape, dtype=torch.float64), dim=1).requires_grad_()


@pytest.fixture
def entities():
    return {a: Entity(unit(5, 8), unit(5, 8), unit(30, 8)) for a in MODALITIES}


def divergence(teacher: Entity, student: Entity, num_neighbors: int, tau_t: float, tau_s: float) -> torch.Tensor:
    """Eq. 2 and 3 of I²MD, clip by clip."""
    losses = []
    for key, query in zip(teacher.key, student.query, strict=True):
        near = (teacher.past @ key).topk(num_neighbors).indices
        p = (teacher.past[near] @ key / tau_t).softmax(0)
        q = (student.past[near] @ query / tau_s).softmax(0)
        losses.append((p * (p / q).log()).sum())
    return sum(losses) / len(losses)


@pytest.mark.parametrize('directions', [PAIRS, PAIRS[:1], [('joint', 'bone'), ('bone', 'joint'), ('motion', 'bone')]])
@pytest.mark.parametrize('num_neighbors', [1, 10, 30])
def test_distillation_is_the_sum_over_directions(entities, directions, num_neighbors):
    loss = mutual_distillation(entities, directions, num_neighbors, 0.05, 0.1)
    expected = sum(divergence(entities[a], entities[b], num_neighbors, 0.05, 0.1) for a, b in directions)
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize('pair', PAIRS)
def test_gradient_reaches_the_students_query_only(entities, pair):
    teacher, student = pair
    entities = {a: Entity(e.query, e.key, e.past.detach()) for a, e in entities.items()}
    mutual_distillation(entities, [pair], 10, 0.05, 0.1).backward()
    for a, e in entities.items():
        assert (e.query.grad is not None) == (a == student)
        assert e.key.grad is None
    assert entities[student].query.grad.any()


def test_cold_teachers_of_all_slots_mine_positives_mutually(entities):
    """Eq. 6 of I²MD."""
    a, b = entities['joint'], entities['bone']
    loss = mutual_distillation(dict(a=a, b=b), [('a', 'b'), ('b', 'a')], 30, 1e-7, 0.1)
    expected = 0
    for teacher, student in ((a, b), (b, a)):
        for i in range(5):
            u = max(range(30), key=lambda slot, i=i, e=teacher: (e.key[i] @ e.past[slot]).item())
            logits = student.past @ student.query[i] / 0.1
            expected -= (logits[u].exp() / logits.exp().sum()).log() / 5
    torch.testing.assert_close(loss, expected)


def test_slots_are_the_same_clips_in_every_bank(entities):
    loss = mutual_distillation(entities, PAIRS, 10, 0.05, 0.1)
    order = torch.randperm(30)

    def shuffled(names):
        return {a: Entity(e.query, e.key, e.past[order] if a in names else e.past) for a, e in entities.items()}

    torch.testing.assert_close(mutual_distillation(shuffled(MODALITIES), PAIRS, 10, 0.05, 0.1), loss)
    for a in MODALITIES:
        assert abs(mutual_distillation(shuffled([a]), PAIRS, 10, 0.05, 0.1) - loss) > 1e-2


@pytest.mark.parametrize('directions', [PAIRS, PAIRS[:1]])
def test_contrast_is_against_the_teachers_keys(entities, directions):
    loss = mutual_contrast(entities, directions, 0.07)
    expected = 0
    for a, b in directions:
        teacher, student = entities[a], entities[b]
        keys = torch.stack([torch.cat([teacher.key[i : i + 1], teacher.past]) for i in range(5)])
        logits = torch.einsum('nd,nkd->nk', student.query, keys) / 0.07
        expected += F.cross_entropy(logits, torch.zeros(5, dtype=torch.long))
    torch.testing.assert_close(loss, expected)
