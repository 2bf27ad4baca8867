"""Normalized frames of a store, through the data sets that have them made."""

import errno
import io
import os

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict

import mmskelssl.datasets.normalized_cache as module
from mmskelssl.datasets import ClipStore, SkeletonDataset
from mmskelssl.datasets.transforms import normalize_clip
from mmskelssl.registry import TRANSFORMS
from mmskelssl.utils.errors import ConfigError, StoreError

NORMALIZE = [dict(type='CenterClip'), dict(type='AlignShoulders')]
CROSSCLR = [
    dict(type='CenterPersons'),
    dict(type='ResizeClips', num_frames=50),
    dict(type='AlignShoulders', each_frame=True),
]


@pytest.fixture
def store(make_store):
    return make_store(lengths=[1, 2, 7, 30, 64, 65, 90, 5, 40, 33])


def test_normalized_frames_are_those_of_the_transforms(store):
    dataset = SkeletonDataset(store, normalize=NORMALIZE)
    raw = ClipStore(store)
    steps = [TRANSFORMS.build(step) for step in NORMALIZE]
    for i in (0, 4, 5):
        clip = torch.from_numpy(raw[i].copy())
        start = raw.offsets[i]
        got = dataset._clips.frames[start : start + clip.shape[0] * clip.shape[1]].view(clip.shape)
        assert got[0, 0, 0].abs().max() < 1e-6
        across = (got[0, :, 8] - got[0, :, 4]).mean(0)
        assert across[0] >= 0 and abs(across[2]) < 1e-5
        torch.testing.assert_close(torch.cdist(got[0], got[0]), torch.cdist(clip[0], clip[0]), rtol=1e-3, atol=1e-2)
        # Other persons are moved and turned with the first.
        np.testing.assert_allclose(got.numpy(), normalize_clip(raw[i].copy(), steps, 'ntu25'), atol=1e-5)


def test_normalized_clips_may_have_another_length(store):
    dataset = SkeletonDataset(store, 'test', normalize=CROSSCLR)
    clips = dataset.__getitems__([1, 0])['inputs']['clips']
    assert clips.num_frames.tolist() == [50, 50] and len(clips.frames) == 50 * int(clips.num_persons.sum())
    steps = [TRANSFORMS.build(step) for step in CROSSCLR]
    expected = [normalize_clip(dataset.store[index].copy(), steps, 'ntu25').reshape(-1, 25, 3) for index in (7, 3)]
    np.testing.assert_allclose(clips.frames.numpy(), np.concatenate(expected), atol=1e-6)


def test_a_normalization_that_the_layout_is_not_for_is_refused_and_nothing_is_written(make_store):
    store = make_store(layout='hand22')
    with pytest.raises(ConfigError, match="PreNormalize needs `spine` of the layout, and layout 'hand22' has none"):
        SkeletonDataset(store, normalize=[dict(type='PreNormalize')])
    assert not list(store.glob('cache/*'))
    centred = SkeletonDataset(store, normalize=[dict(type='CenterClip')])[3]['inputs']['clips'].frames
    assert (centred[0, 0] == 0).all() and centred[1:, 0].any()


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
