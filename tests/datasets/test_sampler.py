import pytest

from mmskelssl.datasets.sampler import ClipRequest, ClipSampler


def requested(epoch=0, **kwargs):
    sampler = ClipSampler(range(20), **kwargs)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_every_clip_comes_once_with_seed_and_epoch():
    requests = requested(3, seed=11)
    assert sorted(request.index for request in requests) == list(range(20))
    assert {(request.seed, request.epoch) for request in requests} == {(11, 3)}
    assert all(type(request) is ClipRequest and type(request.index) is int for request in requests)


def test_order_is_another_in_another_epoch_and_seed():
    orders = [tuple(request.index for request in requested(seed=seed)) for seed in (5, 6)]
    assert requested(seed=5) == requested(seed=5)
    assert orders[0] != orders[1]
    assert [request.index for request in requested(2, seed=5)] != [request.index for request in requested(1, seed=5)]


def test_unshuffled_order_is_that_of_the_dataset():
    assert [request.index for request in requested(1, shuffle=False, seed=0)] == list(range(20))


@pytest.mark.parametrize('rank', [0, 1, 2])
def test_ranks_share_the_clips(monkeypatch, rank):
    monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda: (rank, 3))
    sampler = ClipSampler(range(20), seed=4)
    assert len(sampler) == 7
    monkeypatch.undo()
    order = [request.index for request in requested(seed=4)]
    # 20 clips on three ranks: the first one comes twice, the second time to fill up.
    assert [request.index for request in sampler] == [*order, order[0]][rank::3]
    assert [request.is_padding for request in sampler] == [False] * 6 + [rank == 2]
