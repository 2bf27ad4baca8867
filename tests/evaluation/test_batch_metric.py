import torch
from hypothesis import given
from hypothesis import strategies as st

from mmskelssl.evaluation.metrics import base
from mmskelssl.evaluation.metrics.base import BatchMetric


class Collect(BatchMetric):
    def columns(self, batch):
        return batch

    def compute_metrics(self, columns):
        return {name: value.tolist() for name, value in columns.items()}


def process(metric, indices, **columns):
    index = torch.tensor(indices, dtype=torch.long)
    metric.process({}, [dict(index=index, value=10 * index, **columns)])


def test_batches_come_out_once_and_in_the_order_of_the_dataset():
    metric = Collect(prefix='all')
    process(metric, [3, 0, 4])
    process(metric, [1, 2])
    process(metric, [0, 3])
    assert metric.evaluate(5) == {'all/index': [0, 1, 2, 3, 4], 'all/value': [0, 10, 20, 30, 40]}


def test_results_are_cleared():
    metric = Collect(prefix='all')
    for index in (3, 1):
        process(metric, [index])
        assert metric.evaluate(1)['all/index'] == [index]


def test_gallery_and_queries_have_numbers_of_their_own():
    metric = Collect(prefix='all')
    for in_gallery, indices in ((True, [0, 2, 1]), (False, [1, 0, 1]), (True, [0])):
        process(metric, indices, in_gallery=torch.full((len(indices),), in_gallery))
    metrics = metric.evaluate(2)
    assert metrics['all/index'] == [0, 0, 1, 1, 2]
    assert metrics['all/in_gallery'] == [False, True, False, True, True]


@given(size=st.integers(1, 20), world=st.integers(1, 4), batch=st.integers(1, 6))
def test_padded_ranks_give_what_one_process_gives(size, world, batch):
    """Ranks see clips rank, rank + world ...; the sampler repeats the first ones until all ranks have as many."""
    padded = [index % size for index in range(-(-size // world) * world)]
    ranks = []
    for rank in range(world):
        metric, own = Collect(prefix='all'), padded[rank::world]
        for first in range(0, len(own), batch):
            process(metric, own[first : first + batch])
        ranks.append(metric.results)
    gather = base.all_gather_object
    base.all_gather_object = lambda results: ranks
    try:
        metrics = Collect(prefix='all').evaluate(size)
    finally:
        base.all_gather_object = gather
    assert metrics == {'all/index': [*range(size)], 'all/value': [10 * i for i in range(size)]}
