import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmskelssl.datasets.keyed_random import KeyedRandom, clip_keys

MASK = (1 << 64) - 1
GAMMA = 0x9E3779B97F4A7C15
INT64 = st.integers(-(2**63), 2**63 - 1)


def mix(x):
    """The finalizer of SplitMix64 on Python's integers."""
    x &= MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def many(number=20_000, seed=3):
    return KeyedRandom(
        clip_keys(torch.full((number,), seed), torch.zeros(number, dtype=torch.int64), torch.arange(number))
    )


def correlation(a, b):
    return torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1].item()


def test_reference_is_splitmix64():
    # First outputs of the published generator (java.util.SplittableRandom's mixer) from the state 0.
    assert [mix(GAMMA * n) for n in (1, 2, 3)] == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


@given(st.lists(INT64, min_size=1, max_size=4), st.integers(0, 5), st.integers(1, 4))
def test_uniform_is_splitmix64(keys, skipped, count):
    random = KeyedRandom(torch.tensor(keys))
    random.uniform(skipped)
    drawn = random.uniform(count)
    expected = [[(mix(key + n * GAMMA) >> 40) / 2**24 for n in range(skipped + 1, skipped + count + 1)] for key in keys]
    assert drawn.tolist() == expected


@pytest.mark.parametrize('shape', [(), (1,), (2, 3), (7,)])
def test_normal_is_standard_and_of_any_shape(shape):
    drawn = many().normal(*shape)
    assert drawn.shape == (20_000, *shape) and drawn.isfinite().all()
    flat = drawn.view(20_000, -1)
    assert flat.mean(0).abs().max() < 0.03 and (flat.std(0) - 1).abs().max() < 0.03
    assert ((flat < -1.6449).float().mean(0) - 0.05).abs().max() < 0.01
    if flat.shape[1] > 1:
        assert (torch.corrcoef(flat.T) - torch.eye(flat.shape[1])).abs().max() < 0.04


def test_normal_moves_the_stream_on():
    random = many(4)
    assert not torch.equal(random.normal(2), random.normal(2))


@given(INT64, INT64, INT64)
def test_keys_are_splitmix64(seed, epoch, index):
    (key,) = clip_keys(*(torch.tensor([x]) for x in (seed, epoch, index))).tolist()
    assert key & MASK == mix(mix(mix(seed + GAMMA) + epoch + GAMMA) + index + GAMMA)


@given(INT64, st.integers(0, 40), st.integers(0, 7))
def test_forks_are_splitmix64(key, drawn, branch):
    random = KeyedRandom(torch.tensor([key]))
    random.uniform(drawn)
    (fork,) = random.fork(branch).keys.tolist()
    assert fork & MASK == mix(mix(key + drawn * GAMMA) + (branch + 1) * GAMMA)


def test_shape_and_range():
    random = many(100)
    assert random.uniform().shape == (100,)
    assert random.uniform(3, 4).shape == (100, 3, 4)
    values = random.uniform(1000, low=-3.0, high=5.0)
    assert values.dtype == torch.float32
    assert -3 <= values.min() < -2.999 and 4.999 < values.max() <= 5


def test_number_of_a_draw_counts_not_its_shape():
    together, single = many(5), many(5)
    assert torch.equal(together.uniform(2, 3).flatten(1), torch.stack([single.uniform() for _ in range(6)], 1))


def test_integers_are_even():
    draws = many().integers(7)
    counts = draws.bincount()
    assert len(counts) == 7 and (counts - 20_000 / 7).abs().max() < 250
    high = torch.tensor([1, 2, 300]).repeat(1000)
    draws = many(3000).integers(high).view(-1, 3)
    assert draws.dtype == torch.int64
    assert (draws.min(0).values == 0).all() or draws.min(0).values.tolist()[:2] == [0, 0]
    assert (draws < torch.tensor([1, 2, 300])).all()
    assert draws[:, 2].max() > 290 and draws[:, 2].float().mean().item() == pytest.approx(149.5, abs=8)


def test_subsets_have_their_size_and_are_all_as_likely():
    chosen = many().subset(15, 25)
    assert chosen.dtype == torch.bool and (chosen.sum(1) == 15).all()
    assert (chosen.float().mean(0) - 0.6).abs().max() < 0.015
    # Every pair together with the probability 15/25 * 14/24.
    together = chosen.float().T @ chosen.float() / len(chosen)
    assert (together[~torch.eye(25, dtype=torch.bool)] - 0.35).abs().max() < 0.02
    codes = (many().subset(2, 5).long() * 2 ** torch.arange(5)).sum(1).bincount()
    assert (codes > 0).sum() == 10 and codes.max() < 2300 and codes[codes > 0].min() > 1700
    assert not many(4).subset(0, 5).any() and many(4).subset(5, 5).all()
    assert (many(4).subset(2, 7, 5).sum(-1) == torch.full((4, 7), 2)).all()


def test_forks_are_independent_of_each_other_and_of_where_they_come_from():
    random = many()
    streams = [random.fork(0), random.fork(1), random.fork(2), random.fork(0).fork(0), random]
    random.uniform()
    streams.append(random.fork(0))
    values = [stream.uniform(2) for stream in streams]
    for a, b in itertools.combinations(values, 2):
        assert (a == b).sum() < 20
        assert abs(correlation(a, b)) < 0.025


def test_fork_is_the_same_at_the_same_point_and_leaves_the_stream_alone():
    random, other = many(10), many(10)
    assert torch.equal(random.fork(3).uniform(4), random.fork(3).uniform(4))
    assert torch.equal(random.uniform(2), other.uniform(2))


def test_forks_lie_one_after_the_other():
    random = many(10)
    random.uniform(3)
    forks = random.forks(range(3))
    assert len(forks) == 30
    assert torch.equal(forks.keys, torch.cat([random.fork(branch).keys for branch in range(3)]))


def test_part_goes_on_where_the_whole_stood():
    random = many(10)
    random.uniform(4)
    part = random.of(torch.tensor([7, 2]))
    forked = part.fork(1).uniform()
    assert torch.equal(forked, random.fork(1).uniform()[[7, 2]])
    assert torch.equal(part.uniform(3), random.uniform(3)[[7, 2]])
