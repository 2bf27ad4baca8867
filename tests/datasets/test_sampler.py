import pytest

from mmskelssl.datasets.sampler import ClipDraw, ClipSampler


def drawn(epoch=0, **kwargs):
    sampler = ClipSampler(range(20), **kwargs)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_every_clip_comes_once_with_seed_and_epoch():
    draws = drawn(3, seed=11)
    assert sorted(draw.index for draw in draws) == list(range(20))
    assert {(draw.seed, draw.epoch) for draw in draws} == {(11, 3)}
    assert all(type(draw) is ClipDraw and type(draw.index) is int for draw in draws)


def test_order_is_another_in_another_epoch_and_seed():
    orders = [tuple(draw.index for draw in drawn(seed=seed)) for seed in (5, 6)]
    assert drawn(seed=5) == drawn(seed=5)
    assert orders[0] != orders[1]
    assert [draw.index for draw in drawn(2, seed=5)] != [draw.index for draw in drawn(1, seed=5)]


def test_unshuffled_order_is_that_of_the_dataset():
    assert [draw.index for draw in drawn(1, shuffle=False, seed=0)] == list(range(20))


@pytest.mark.parametrize('rank', [0, 1, 2])
def test_ranks_share_the_clips(monkeypatch, rank):
    monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda: (rank, 3))
    sampler = ClipSampler(range(20), seed=4)
    assert len(sampler) == 7
    monkeypatch.undo()
    order = [draw.index for draw in drawn(seed=4)]
    # 20 clips on three ranks: the first one comes twice, the second time to fill up.
    assert [draw.index for draw in sampler] == [*order, order[0]][rank::3]
    assert [draw.is_padding for draw in sampler] == [False] * 6 + [rank == 2]
