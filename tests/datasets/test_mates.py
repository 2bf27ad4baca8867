import numpy as np
import pytest
import torch
from workshop import random_clip

from mmskelssl.datasets import ClipStore, SkeletonDataset
from mmskelssl.datasets.mates import find_mates
from mmskelssl.datasets.sampler import ClipRequest
from mmskelssl.utils.errors import ConfigError

# Label, subject and camera of each clip: two performances of three and two clips, and one that is alone.
CLIPS = [(0, 1, 1), (0, 1, 2), (0, 1, 3), (1, 1, 1), (1, 1, 2), (0, 2, 1), (1, 1, 1)]
SAME, OTHER = ('label', 'subject'), 'camera'


@pytest.fixture
def store(tmp_path) -> ClipStore:
    with ClipStore.create(tmp_path / 'store', 'ntu25', ['a', 'b']) as writer:
        for number, (label, subject, camera) in enumerate(CLIPS):
            clip = 0.3 * random_clip(frames=3 + number, seed=number)
            writer.add(f'clip{number}', label, clip, subject=subject, camera=camera)
        writer.splits = dict(all=range(len(CLIPS)), some=[1, 2, 3, 5, 6])
    return ClipStore(tmp_path / 'store')


def listed(store, split) -> list[set]:
    mates = find_mates(store, store.split(split), SAME, OTHER)
    return [set(mates.clips[s : s + n].tolist()) for s, n in zip(mates.starts, mates.counts, strict=True)]


def test_mates_are_of_the_same_performance_and_another_camera(store):
    assert listed(store, 'all') == [{1, 2}, {0, 2}, {0, 1}, {4}, {3, 6}, {5}, {4}]


def test_mates_are_clips_of_the_split(store):
    assert listed(store, 'some') == [{2}, {1}, {3}, {5}, {6}]


def test_every_mate_is_drawn_and_by_the_key_alone(store):
    mates = find_mates(store, store.split('all'), SAME, OTHER)
    keys, first = torch.arange(1000), torch.zeros(1000, dtype=torch.long)
    drawn = mates.draw(first, keys)
    assert abs((drawn == 1).float().mean() - 0.5) < 0.08 and set(drawn.tolist()) == {1, 2}
    assert torch.equal(mates.draw(first[:10], keys[:10]), drawn[:10])


def test_unknown_attributes_are_named_with_those_known(store):
    with pytest.raises(
        ConfigError, match=r"no attribute 'view' to find mates by: it has \['camera', 'label', 'subject'\]"
    ):
        find_mates(store, np.arange(3), SAME, 'view')


def test_batches_come_with_mates(store):
    dataset = SkeletonDataset(store.path, split='all', mates=dict(same=SAME, other=OTHER))
    inputs = dataset.__getitems__([ClipRequest(i, 0, 0, 0) for i in (0, 3, 5)])['inputs']
    clips, mates = inputs['clips'], inputs['mates']
    assert clips.num_frames.tolist() == [3, 6, 8]
    assert mates.num_frames[0] in (4, 5) and mates.num_frames[1:].tolist() == [7, 8]
    assert 'mates' not in SkeletonDataset(store.path, split='all')[0]['inputs']
