import errno
import io
import multiprocessing
import os
import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.runner import Runner

import mmskelssl.datasets.skeleton_dataset as module
from mmskelssl.datasets import ClipBatch, ClipStore, SkeletonDataset
from mmskelssl.datasets.sampler import ClipDraw
from mmskelssl.datasets.skeleton_dataset import batch_collate
from mmskelssl.models.data_preprocessor import SkeletonDataPreprocessor
from mmskelssl.registry import TRANSFORMS
from mmskelssl.utils.errors import StoreError

SPATIAL = [
    [dict(type='Shear')],
    [dict(type='JointCorruption', num_joints=15), dict(type='RandomTurn'), dict(type='TemporalShift')],
]
VIEW = [dict(type='TemporalCropResize', num_frames=16, min_frames=8), dict(type='RandomChoice', transforms=SPATIAL)]
PIPELINE = [dict(type='MultiView', transforms=VIEW, num_views=2)]
CENTER = [dict(type='CenterCropResize', num_frames=8)]
NORMALIZE = [dict(type='CenterClip'), dict(type='AlignShoulders')]
CROSSCLR = [
    dict(type='CenterPersons'),
    dict(type='ResizeClips', num_frames=50),
    dict(type='AlignShoulders', each_frame=True),
]


def views_by_clip(loader, epoch=0):
    """Index to the views of its clip, over one epoch of a loader."""
    loader.sampler.set_epoch(epoch)
    views = {}
    for batch in loader:
        inputs = torch.stack(batch['inputs'], 1)
        views.update(zip(batch['data_samples']['index'].tolist(), inputs, strict=True))
    return views


def make_loader(store, batch_size=3, num_workers=0, seed=7, shuffle=True, **kwargs):
    return Runner.build_dataloader(
        ConfigDict(
            batch_size=batch_size,
            num_workers=num_workers,
            sampler=dict(type='ClipSampler', shuffle=shuffle, seed=seed),
            collate_fn=dict(type='mmskelssl.batch_collate'),
            dataset=dict(type='SkeletonDataset', store=str(store), pipeline=PIPELINE),
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


def test_batch_holds_views_labels_and_positions(store):
    dataset = SkeletonDataset(store, 'test', CENTER)
    batch = dataset.__getitems__([1, 0, 1])
    (view,) = batch['inputs']
    assert view.shape == (3, 2, 8, 25, 3)
    assert batch['data_samples']['labels'].tolist() == [1, 0, 1]
    assert batch['data_samples']['index'].tolist() == [1, 0, 1]
    # Positions count within the split: the training clips 3, 4 and 6 are the store's clips 4, 5 and 8.
    train = SkeletonDataset(store, 'train', CENTER).__getitems__([3, 4, 6])
    assert train['data_samples']['labels'].tolist() == [4 % 3, 5 % 3, 8 % 3]
    for n, position in enumerate([1, 0, 1]):
        assert torch.equal(dataset[position]['inputs'][0][0], view[n])
    # Eight frames of 30 by linear interpolation.
    clip = torch.from_numpy(ClipStore(store)[3].copy())
    rows = torch.nn.functional.interpolate(clip.permute(0, 2, 3, 1).flatten(1, 2), size=8, mode='linear')
    torch.testing.assert_close(view[1], rows.unflatten(1, (25, 3)).permute(0, 3, 1, 2), rtol=0, atol=1e-5)


def test_number_of_persons(store):
    assert SkeletonDataset(store, pipeline=CENTER)[0]['inputs'][0].shape[1] == 2
    for persons in (1, 3):
        (view,) = SkeletonDataset(store, pipeline=CENTER, num_persons=persons)[1]['inputs']
        assert view.shape[1] == persons
        assert (view[:, 2:] == 0).all() and (view[:, 0] != 0).all()


def test_view_depends_on_seed_epoch_and_clip_only(store):
    dataset = SkeletonDataset(store, pipeline=PIPELINE)
    alone = {i: torch.stack(dataset[ClipDraw(i, 7, 2)]['inputs'], 1)[0] for i in range(10)}
    for order in ([3, 1, 4], [4, 3, 9, 8, 7, 1, 0], [2, 2, 5, 6]):
        batch = torch.stack(dataset.__getitems__([ClipDraw(i, 7, 2) for i in order])['inputs'], 1)
        for n, i in enumerate(order):
            torch.testing.assert_close(batch[n], alone[i], rtol=1e-5, atol=1e-6)
    for draw in (ClipDraw(4, 7, 3), ClipDraw(4, 8, 2)):
        assert not torch.allclose(torch.stack(dataset[draw]['inputs'], 1)[0], alone[4])


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


def test_views_are_the_same_when_made_behind_the_loader(store):
    draws = [ClipDraw(i, 7, 2) for i in (6, 0, 5, 3, 1, 2)]
    expected = SkeletonDataset(store, pipeline=PIPELINE).__getitems__(draws)
    raw = SkeletonDataset(store).__getitems__(draws)
    assert raw['inputs']['clips'].num_frames.tolist() == [90, 1, 65, 30, 2, 7]
    assert len(raw['inputs']['clips'].frames) == 90 + 1 + 2 * 65 + 2 * 30 + 2 * 2 + 7
    preprocessor = SkeletonDataPreprocessor(train_pipeline=PIPELINE, test_pipeline=CENTER)
    got = preprocessor(raw, training=True)
    for a, b in zip(got['inputs'], expected['inputs'], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
    assert torch.equal(got['data_samples']['labels'], expected['data_samples']['labels'])
    (center,) = preprocessor(raw, training=False)['inputs']
    assert torch.equal(center, SkeletonDataset(store, pipeline=CENTER).__getitems__(draws)['inputs'][0])
    # Views that are there already are passed on.
    assert torch.equal(preprocessor(expected, training=True)['inputs'][1], expected['inputs'][1])


def test_no_pipeline_anywhere_is_an_error_that_says_where_to_put_one(store):
    raw = SkeletonDataset(store)[0]
    with pytest.raises(ValueError, match='train_pipeline of model.data_preprocessor'):
        SkeletonDataPreprocessor()(raw, training=True)
    with pytest.raises(ValueError, match='non-training batches.*test_pipeline'):
        SkeletonDataPreprocessor(train_pipeline=PIPELINE)(raw, training=False)


def test_clips_of_one_frame_pass_every_transform(make_store):
    store = make_store(lengths=[1, 1, 1])
    dataset = SkeletonDataset(
        store, pipeline=[dict(type='MultiView', transforms=[*VIEW, *SPATIAL[1]])], normalize=NORMALIZE
    )
    views = dataset.__getitems__([ClipDraw(i, 1, 1) for i in range(3)])['inputs']
    assert all(view.shape == (3, 2, 16, 25, 3) and view.isfinite().all() for view in views)
    (view,) = SkeletonDataset(store, pipeline=CENTER).__getitems__([0, 1, 2])['inputs']
    clip = torch.from_numpy(ClipStore(store)[1].copy())
    torch.testing.assert_close(view[1], clip.expand(-1, 8, -1, -1))


def test_half_precision_store_gives_nearly_the_same_views(make_store):
    full, half = (SkeletonDataset(make_store(dtype, dtype=dtype), pipeline=CENTER) for dtype in ('float32', 'float16'))
    a, b = (dataset.__getitems__(range(7))['inputs'][0] for dataset in (full, half))
    assert b.dtype == torch.float32
    torch.testing.assert_close(b, a, rtol=0, atol=6e-3)


def second_view(dataset):
    return dataset[ClipDraw(3, 7, 2)]['inputs'][1].numpy()


def test_spawned_process_gets_the_path_and_not_the_frames(make_store):
    store = make_store(lengths=[90] * 30)
    dataset = SkeletonDataset(store, 'train', PIPELINE, NORMALIZE)
    data = pickle.dumps(dataset)
    assert len(data) < 2000 < 90 * 30 * 300
    np.testing.assert_array_equal(second_view(pickle.loads(data)), second_view(dataset))
    with ProcessPoolExecutor(1, multiprocessing.get_context('spawn')) as pool:
        got = pool.submit(second_view, dataset).result(timeout=60)
    np.testing.assert_allclose(got, second_view(dataset), rtol=1e-5, atol=1e-6)


# Normalization


def test_normalized_frames_are_those_of_the_transforms(store):
    dataset = SkeletonDataset(store, normalize=NORMALIZE)
    raw = ClipStore(store)
    for i in (0, 4, 5):
        clip = torch.from_numpy(raw[i].copy())
        start = raw.offsets[i]
        got = dataset._clips.frames[start : start + clip.shape[0] * clip.shape[1]].view(clip.shape)
        assert got[0, 0, 0].abs().max() < 1e-6
        across = (got[0, :, 8] - got[0, :, 4]).mean(0)
        assert across[0] >= 0 and abs(across[2]) < 1e-5
        torch.testing.assert_close(torch.cdist(got[0], got[0]), torch.cdist(clip[0], clip[0]), rtol=1e-3, atol=1e-2)
    torch.testing.assert_close(
        SkeletonDataset(store, pipeline=CENTER, normalize=NORMALIZE)[4]['inputs'][0][0, 0].norm(),
        SkeletonDataset(store, pipeline=CENTER, normalize=NORMALIZE[:1])[4]['inputs'][0][0, 0].norm(),
    )


def test_normalized_clips_may_have_another_length(store):
    dataset = SkeletonDataset(store, 'test', [dict(type='CenterCropResize', num_frames=50, ratio=1.0)], CROSSCLR)
    (view,) = dataset.__getitems__([1, 0])['inputs']
    for number, index in enumerate([7, 3]):
        clip = torch.from_numpy(dataset.store[index].copy())
        row = torch.tensor([0])
        batch = ClipBatch(clip.flatten(0, 1), row, row + clip.shape[1], row + clip.shape[0], 2)
        for step in CROSSCLR:
            batch = TRANSFORMS.build(step)(batch, dataset.layout)
        torch.testing.assert_close(view[number, : len(clip)].flatten(0, 1), batch.frames)
        assert (view[number, len(clip) :] == 0).all()
    # What travels to the device is no longer than that either.
    clips = SkeletonDataset(store, 'test', normalize=CROSSCLR).__getitems__([1, 0])['inputs']['clips']
    assert clips.num_frames.tolist() == [50, 50] and len(clips.frames) == 50 * int(clips.num_persons.sum())


@pytest.mark.parametrize('recipe', [NORMALIZE, CROSSCLR, [dict(type='PreNormalize')]])
def test_chunks_do_not_show(store, tmp_path, monkeypatch, recipe):
    whole = SkeletonDataset(store, normalize=recipe, cache_dir=tmp_path / 'a')._clips.frames
    monkeypatch.setattr(module, '_CHUNK', 3)
    parts = SkeletonDataset(store, normalize=recipe, cache_dir=tmp_path / 'b')._clips.frames
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-6)


def test_cache_is_written_once_and_read_again(store, monkeypatch):
    first = SkeletonDataset(store, normalize=NORMALIZE)
    (path,) = (store / 'cache').iterdir()
    assert path.name.startswith('normalized-') and path.stat().st_size == ClipStore(store).frames.nbytes
    path.write_bytes(bytes(path.stat().st_size))
    assert (SkeletonDataset(store, 'test', normalize=NORMALIZE)._clips.frames == 0).all()
    assert first.store.frames.any()
    path.unlink()
    SkeletonDataset(store, normalize=[ConfigDict(step) for step in NORMALIZE])
    assert [p.name for p in (store / 'cache').iterdir()] == [path.name]


def test_another_recipe_or_store_has_another_cache(store, make_store, tmp_path):
    cache = tmp_path / 'cache'
    other = make_store('other', seed=1)
    recipes = [NORMALIZE, NORMALIZE[::-1], NORMALIZE[:1], [dict(type='CenterClip', each_frame=True)]]
    for number, recipe in enumerate(recipes, 1):
        SkeletonDataset(store, normalize=recipe, cache_dir=cache)
        assert len(list(cache.iterdir())) == number
    SkeletonDataset(other, normalize=NORMALIZE, cache_dir=cache)
    assert len(list(cache.iterdir())) == 5
    assert not (store / 'cache').exists()


def test_without_normalization_nothing_is_written(store):
    before = sorted(os.listdir(store))
    SkeletonDataset(store, pipeline=PIPELINE)[0]
    assert sorted(os.listdir(store)) == before


@pytest.mark.parametrize('number', [errno.EACCES, errno.EROFS])
def test_cache_that_cannot_be_made(store, tmp_path, monkeypatch, number):
    def refuse(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr('tempfile.mkstemp', refuse)
    with pytest.raises(StoreError, match=f'{tmp_path}/cache: .*{os.strerror(number)}.*set cache_dir'):
        SkeletonDataset(store, normalize=NORMALIZE, cache_dir=tmp_path / 'cache')


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='needs /dev/full')
def test_full_disk_leaves_no_cache(store, tmp_path, monkeypatch):
    monkeypatch.setattr(module, 'open', lambda path, mode: io.FileIO('/dev/full', mode), raising=False)
    with pytest.raises(StoreError, match='No space left.*set cache_dir'):
        SkeletonDataset(store, normalize=NORMALIZE, cache_dir=tmp_path / 'cache')
    assert list((tmp_path / 'cache').iterdir()) == []


def test_broken_normalization_leaves_no_cache(store):
    with pytest.raises(TypeError, match='each_fame'):
        SkeletonDataset(store, normalize=[dict(type='CenterClip', each_fame=True)])
    assert not list(store.glob('cache/*'))
