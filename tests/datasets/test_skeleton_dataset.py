import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.runner import Runner

from mmskelssl.datasets import ClipStore, SkeletonDataset
from mmskelssl.datasets.keyed_random import clip_keys
from mmskelssl.datasets.sampler import ClipRequest
from mmskelssl.datasets.skeleton_dataset import batch_collate
from mmskelssl.models import SkeletonDataPreprocessor
from mmskelssl.utils.errors import StoreError

SPATIAL = [
    [dict(type='Shear')],
    [dict(type='JointCorruption', num_joints=15), dict(type='RandomTurn'), dict(type='TemporalShift')],
]
VIEW = [dict(type='TemporalCropResize', num_frames=16, min_frames=8), dict(type='RandomChoice', transforms=SPATIAL)]
VIEWS = SkeletonDataPreprocessor([dict(type='MultiView', transforms=VIEW, num_views=2)])
NORMALIZE = [dict(type='CenterClip'), dict(type='AlignShoulders')]


def views_of(batch):
    """(N, 2, M, T, V, C)."""
    return torch.stack(VIEWS(batch, training=True)['inputs'], 1)


def views_by_clip(loader, epoch=0):
    """Index to the views of its clip, over one epoch of a loader."""
    loader.sampler.set_epoch(epoch)
    views = {}
    for batch in loader:
        views.update(zip(batch['data_samples']['index'].tolist(), views_of(batch), strict=True))
    return views


def make_loader(store, batch_size=3, num_workers=0, seed=7, shuffle=True, **kwargs):
    return Runner.build_dataloader(
        ConfigDict(
            batch_size=batch_size,
            num_workers=num_workers,
            sampler=dict(type='ClipSampler', shuffle=shuffle, seed=seed),
            collate_fn=dict(type='mmskelssl.batch_collate'),
            dataset=dict(type='SkeletonDataset', store=str(store)),
            **kwargs,
        )
    )


def test_configs_that_inherit_from_the_installed_ones_collate():
    """MMEngine marks their parts with a scope and hands it on."""
    assert batch_collate({'inputs': 1}, _scope_='mmskelssl') == {'inputs': 1}


def assert_same(first, second, atol=1e-6):
    assert sorted(first) == sorted(second)
    for index in first:
        torch.testing.assert_close(first[index], second[index], rtol=1e-5, atol=atol)


@pytest.fixture
def store(make_store):
    return make_store(lengths=[1, 2, 7, 30, 64, 65, 90, 5, 40, 33])


def test_split_of_a_store(store):
    whole, train, test = (SkeletonDataset(store, split) for split in (None, 'train', 'test'))
    assert [len(d) for d in (whole, train, test)] == [10, 8, 2]
    assert test.indices.tolist() == [3, 7]
    assert test.labels.tolist() == [0, 1]
    assert train.layout.name == 'ntu25'
    assert train.metainfo['classes'] == ['wave', 'sit', 'jump'] and train.metainfo['layout']['center'] == 20
    train.full_init()


def test_bad_stores_and_splits(store, tmp_path):
    with pytest.raises(StoreError, match=r"no split 'xview'.*\['test', 'train'\]"):
        SkeletonDataset(store, 'xview')
    with pytest.raises(StoreError, match='No clip store'):
        SkeletonDataset(tmp_path / 'nowhere')
    with ClipStore.create(tmp_path / 'other', 'ntu25', ['a']) as writer:
        writer.add('clip', 0, np.ones((1, 1, 25, 3), np.float32))
        writer.splits['none'] = []
    with pytest.raises(StoreError, match="Split 'none' .* is empty"):
        SkeletonDataset(tmp_path / 'other', 'none')


def test_batch_holds_packed_clips_keys_labels_and_positions(store):
    dataset = SkeletonDataset(store, 'test')
    requests = [ClipRequest(1, 3, 4), ClipRequest(0, 3, 4), ClipRequest(1, 3, 5)]
    batch = dataset.__getitems__(requests)
    assert set(batch) == {'inputs', 'data_samples'}
    assert batch['data_samples']['labels'].tolist() == [1, 0, 1]
    assert batch['data_samples']['index'].tolist() == [1, 0, 1]
    clips, keys = batch['inputs']['clips'], batch['inputs']['keys']
    assert torch.equal(keys, clip_keys(*(torch.tensor(x) for x in ([3, 3, 3], [4, 4, 5], [1, 0, 1]))))
    assert (clips.num_frames.tolist(), clips.num_persons.tolist()) == ([5, 30, 5], [2, 2, 2])
    raw = ClipStore(store)
    rows = [raw[index].reshape(-1, 25, 3) for index in (7, 3, 7)]
    np.testing.assert_array_equal(clips.frames.numpy(), np.concatenate(rows))  # packed: nothing else travels
    # Positions count within the split: the training clips 3, 4 and 6 are the store's clips 4, 5 and 8.
    train = SkeletonDataset(store, 'train').__getitems__([3, 4, 6])
    assert train['data_samples']['labels'].tolist() == [4 % 3, 5 % 3, 8 % 3]
    assert train['data_samples']['index'].tolist() == [3, 4, 6]
    one = dataset[1]
    assert one['data_samples']['index'].tolist() == [1] and one['inputs']['clips'].num_frames.tolist() == [5]


def test_padding_is_counted(store):
    dataset = SkeletonDataset(store)
    batch = dataset.__getitems__([ClipRequest(4), ClipRequest(0, is_padding=True), ClipRequest(1, is_padding=True)])
    assert batch['num_padding'] == 2 and batch['data_samples']['index'].tolist() == [4, 0, 1]


def test_view_depends_on_seed_epoch_and_clip_only(store):
    dataset = SkeletonDataset(store)
    alone = {i: views_of(dataset[ClipRequest(i, 7, 2)])[0] for i in range(10)}
    for order in ([3, 1, 4], [4, 3, 9, 8, 7, 1, 0], [2, 2, 5, 6]):
        batch = views_of(dataset.__getitems__([ClipRequest(i, 7, 2) for i in order]))
        for n, i in enumerate(order):
            torch.testing.assert_close(batch[n], alone[i], rtol=1e-5, atol=1e-6)
    for request in (ClipRequest(4, 7, 3), ClipRequest(4, 8, 2)):
        assert not torch.allclose(views_of(dataset[request])[0], alone[4])


def test_loader_workers_and_batch_sizes_do_not_change_views(store):
    expected = views_by_clip(make_loader(store))
    assert len(expected) == 10
    assert_same(views_by_clip(make_loader(store, batch_size=5, shuffle=False)), expected)
    for num_workers in (1, 2):
        loader = make_loader(store, num_workers=num_workers, persistent_workers=True)
        assert_same(views_by_clip(loader), expected)
        # The same workers, an epoch later.
        later = views_by_clip(loader, epoch=1)
        assert_same(later, views_by_clip(make_loader(store), epoch=1))
        assert all(not torch.allclose(later[i], expected[i]) for i in expected)
    other = views_by_clip(make_loader(store, seed=8))
    assert all(not torch.allclose(other[i], expected[i]) for i in expected)


def second_view(dataset):
    return views_of(dataset[ClipRequest(3, 7, 2)])[0, 1].numpy()


def test_spawned_process_gets_the_path_and_not_the_frames(make_store):
    store = make_store(lengths=[90] * 30)
    dataset = SkeletonDataset(store, 'train', NORMALIZE)
    data = pickle.dumps(dataset)
    assert len(data) < 2000 < 90 * 30 * 300
    np.testing.assert_array_equal(second_view(pickle.loads(data)), second_view(dataset))
    with ProcessPoolExecutor(1, multiprocessing.get_context('spawn')) as pool:
        got = pool.submit(second_view, dataset).result()
    np.testing.assert_allclose(got, second_view(dataset), rtol=1e-5, atol=1e-6)
