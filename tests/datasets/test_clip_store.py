import errno
import json
import pickle
from contextlib import suppress

import numpy as np
import pytest
from workshop import random_clip

from mmskelssl.datasets import clip_store
from mmskelssl.datasets.clip_store import ClipStore, check_clip
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.utils.errors import ClipError, StoreError


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob('*'))


@pytest.fixture
def store(make_store):
    return make_store()


@pytest.mark.parametrize('dtype, tolerance', [('float32', 0), ('float16', 2e-3)])
def test_ragged_clips_come_back(tmp_path, dtype, tolerance):
    clips = [random_clip(1 + seed % 2, frames, seed=seed) for seed, frames in enumerate([1, 90, 13, 64, 2])]
    with ClipStore.create(tmp_path / 'store', NTU25, ['a', 'b'], dtype) as writer:
        for i, clip in enumerate(clips):
            writer.add(f'clip {i}', i % 2, clip)
    store = ClipStore(tmp_path / 'store')
    assert len(store) == 5
    assert store.frames.dtype == dtype
    assert (
        (tmp_path / 'store' / 'frames.bin').stat().st_size
        == store.frames.nbytes
        == sum(c.size for c in clips) * (store.frames.itemsize)
    )
    for i, clip in enumerate(clips):
        assert store[i].shape == clip.shape
        np.testing.assert_allclose(store[i], clip, rtol=0, atol=tolerance)
    np.testing.assert_array_equal(store[-1], store[4])
    with pytest.raises(IndexError):
        store[5]


def test_what_is_known_of_clips_comes_back(tmp_path):
    with ClipStore.create(tmp_path / 'store', NTU25, ['grüßen', '坐下']) as writer:
        writer.add('überall', 1, random_clip(2, 3), performer=7, place='Küche')
        writer.add('步行 001', 0, random_clip(1, 4), performer=9, place='庭')
        writer.splits.update(train=[1], test=[0], both=range(2))
        writer.source.update(dataset='私', skipped=3)
    store = ClipStore(tmp_path / 'store')
    assert store.names.tolist() == ['überall', '步行 001']
    assert store.classes == ['grüßen', '坐下']
    assert store.labels.tolist() == [1, 0] and store.labels.dtype == np.int64
    assert store.num_persons.tolist() == [2, 1]
    assert store.num_frames.tolist() == [3, 4]
    assert store.offsets.tolist() == [0, 6]
    assert {name: store.split(name).tolist() for name in store.splits} == dict(train=[1], test=[0], both=[0, 1])
    assert store.attributes['performer'].tolist() == [7, 9]
    assert store.attributes['place'].tolist() == ['Küche', '庭']
    assert store.source == dict(dataset='私', skipped=3)
    assert store.layout == NTU25
    assert repr(store) == f'ClipStore({tmp_path / "store"}: 2 clips, 2 classes, layout ntu25, splits ' + (
        "['both', 'test', 'train'])"
    )


def test_a_class_is_given_by_its_name_or_number(tmp_path):
    with ClipStore.create(tmp_path / 'store', NTU25, ['wave', 'kick', '0']) as writer:
        for i, label in enumerate(['kick', 'wave', 1, np.int64(0), '0']):
            writer.add(f'clip {i}', label, random_clip())
    assert ClipStore(tmp_path / 'store').labels.tolist() == [1, 0, 1, 0, 2]


@pytest.mark.parametrize('positions, outside', [([0, 2], 2), ([-1], -1), (range(1, 9), 2), (np.array([5, 0]), 5)])
def test_split_that_points_outside_the_clips_is_refused(tmp_path, positions, outside):
    with (
        pytest.raises(StoreError, match=f"split 'test' points at clip {outside}, but the 2 clips .* from 0 to 1"),
        ClipStore.create(tmp_path / 'store', NTU25, ['a']) as writer,
    ):
        writer.add('x', 0, random_clip())
        writer.add('y', 0, random_clip())
        writer.splits.update(train=[1], test=positions)
    assert files(tmp_path) == []


def test_unknown_split_lists_those_that_there_are(store):
    with pytest.raises(StoreError, match=r"no split 'xview'.*\['test', 'train'\]"):
        ClipStore(store).split('xview')


def test_own_layout_is_kept_in_the_store(tmp_path):
    own = dict(name='two', joints=['a', 'b'], parents=[0, 0], center=0, pairs=[], spine=[0, 1], shoulders=[0, 1])
    with ClipStore.create(tmp_path / 'store', own, ['x']) as writer:
        writer.add('only', 0, random_clip(joints=2, coords=2))
    store = ClipStore(tmp_path / 'store')
    assert store.layout.name == 'two' and store[0].shape == (1, 5, 2, 2)


def test_writing_into_a_clip_leaves_the_file_alone(store):
    before = ClipStore(store)[2].copy()
    with suppress(ValueError):
        ClipStore(store)[2][:] = 7
    np.testing.assert_array_equal(ClipStore(store)[2], before)


def test_pickling_carries_the_path_only(make_store):
    store = ClipStore(make_store(lengths=[90] * 20))
    data = pickle.dumps(store)
    assert len(data) < 500 < store.frames.nbytes
    np.testing.assert_array_equal(pickle.loads(data)[3], store[3])


def test_digest_tells_stores_apart(make_store):
    first, same = ClipStore(make_store('a')), ClipStore(make_store('b'))
    assert first.digest == same.digest
    assert first.digest != ClipStore(make_store('c', seed=1)).digest  # other frames under the same index
    assert first.digest != ClipStore(make_store('d', lengths=[1, 2, 3])).digest


# Damage


def test_missing_store(tmp_path):
    with pytest.raises(StoreError, match='nowhere.*check the path'):
        ClipStore(tmp_path / 'nowhere')


def test_missing_meta(store):
    (store / 'meta.json').unlink()
    with pytest.raises(StoreError, match='meta.json'):
        ClipStore(store)


@pytest.mark.parametrize('text', [b'', b'{"format"', b'\xff\xfe', b'[1, 2]', b'{"format": "other"}', b'null'])
def test_junk_meta(store, text):
    (store / 'meta.json').write_bytes(text)
    with pytest.raises(StoreError, match=str(store)):
        ClipStore(store)


@pytest.mark.parametrize(
    'change',
    [
        dict(layout=None),
        dict(layout='unheard-of'),
        dict(layout=dict(name='x')),
        dict(dtype='object'),
        dict(dtype=3),
        dict(num_coords=None),
        dict(classes=None),
        dict(classes=3),
        dict(source=None),
    ],
)
def test_damaged_meta(store, change):
    meta = json.loads((store / 'meta.json').read_text())
    (store / 'meta.json').write_text(json.dumps({**meta, **change}))
    with pytest.raises(StoreError, match='meta.json is damaged'):
        ClipStore(store)


@pytest.mark.parametrize('version', [0, 99, None])
def test_other_version(store, version):
    meta = json.loads((store / 'meta.json').read_text())
    (store / 'meta.json').write_text(json.dumps({**meta, 'version': version}))
    with pytest.raises(StoreError, match=f'version {version}.*reads version 1'):
        ClipStore(store)


@pytest.mark.parametrize('change', [-4, 4])
def test_frames_of_another_size(store, change):
    path = store / 'frames.bin'
    data = path.read_bytes()
    path.write_bytes((data + bytes(4))[: len(data) + change])
    with pytest.raises(StoreError, match=f'holds {len(data) + change} bytes where the store needs {len(data)}'):
        ClipStore(store)


def test_missing_frames(store):
    (store / 'frames.bin').unlink()
    with pytest.raises(StoreError, match='frames.bin is unreadable'):
        ClipStore(store)


@pytest.mark.parametrize('keep', [0, 2, 100, -100])
def test_truncated_index(store, keep):
    path = store / 'clips.npz'
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(StoreError, match='clips.npz is missing or damaged'):
        ClipStore(store)


@pytest.mark.parametrize(
    'key, column, message',
    [
        ('names', np.array([b'a', b'b']), 'names has shape .2,., for'),
        ('names', np.array(['text']), 'names has shape|string'),
        ('labels', np.int64(3), 'unsized'),
        ('labels', np.zeros((7, 2), int), 'labels has shape'),
        ('num_frames', None, 'num_frames holds no whole numbers'),
        ('num_persons', np.array([1, 2]), 'num_persons has shape'),
        ('split/train', np.array([0.5]), 'split/train holds no whole numbers'),
        ('split/train', np.array([[0]]), 'split/train has shape'),
        ('attribute/performer', np.arange(99), 'attribute/performer has shape'),
    ],
)
def test_index_with_a_column_of_another_form(store, key, column, message):
    with np.load(store / 'clips.npz') as clips:
        columns = dict(clips)
    assert key in columns
    np.savez(store / 'clips.npz', **columns | {key: columns[key] + 0.5 if column is None else column})
    with pytest.raises(StoreError, match=f'clips.npz is missing or damaged: .*{message}'):
        ClipStore(store)


class Bomb:
    """Unpickled, it leaves a trace."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return exec, (f'open({str(self.trace)!r}, "w").close()',)


@pytest.mark.parametrize('column', ['labels', 'extra', 'attribute/x'])
def test_nothing_is_unpickled(store, tmp_path, column):
    trace = tmp_path / 'trace'
    bomb = np.array([Bomb(trace)], dtype=object)
    with np.load(store / 'clips.npz') as clips:
        columns = {key: clips[key] for key in clips.files}
    np.savez(store / 'clips.npz', **{**columns, column: bomb})
    with pytest.raises(StoreError, match='clips.npz'):
        ClipStore(store)
    (store / 'clips.npz').write_bytes(pickle.dumps(Bomb(trace)))
    with pytest.raises(StoreError, match='clips.npz'):
        ClipStore(store)
    assert not trace.exists()
    pickle.loads(pickle.dumps(Bomb(trace)))
    assert trace.exists()


# Writing


def test_store_appears_only_when_it_is_whole(tmp_path):
    with ClipStore.create(tmp_path / 'store', NTU25, ['a']) as writer:
        writer.add('clip', 0, random_clip())
        assert not (tmp_path / 'store').exists()
    assert files(tmp_path) == ['store', 'store/clips.npz', 'store/frames.bin', 'store/meta.json']
    # As readable as anything else that the user makes.
    (tmp_path / 'plain').mkdir()
    assert (tmp_path / 'store').stat().st_mode == (tmp_path / 'plain').stat().st_mode


def test_existing_store_is_kept_unless_told_otherwise(store):
    before = files(store.parent)
    with pytest.raises(FileExistsError, match='--overwrite'):
        with ClipStore.create(store, NTU25, ['a']):
            pytest.fail('must not begin')
    assert files(store.parent) == before and len(ClipStore(store)) == 7


def test_overwriting_gives_the_old_store_back_if_the_new_one_cannot_take_its_place(store, monkeypatch):
    rename = clip_store.Path.rename

    def failing(self, target):
        if self.name == 'made':
            raise OSError(errno.EIO, 'Input/output error')
        return rename(self, target)

    monkeypatch.setattr(clip_store.Path, 'rename', failing)
    with pytest.raises(StoreError, match='Input/output error'):
        with ClipStore.create(store, NTU25, ['a'], overwrite=True) as writer:
            writer.add('clip', 0, random_clip())
    assert len(ClipStore(store)) == 7
    assert [path.name for path in store.parent.iterdir()] == ['store']


def test_only_stores_are_overwritten(tmp_path):
    thesis = tmp_path / 'home' / 'thesis.tex'
    thesis.parent.mkdir()
    thesis.write_text('years of work')
    for path in (thesis.parent, thesis):
        with pytest.raises(StoreError, match='is not a clip store'):
            with ClipStore.create(path, NTU25, ['a'], overwrite=True):
                pytest.fail('must not begin')
    assert thesis.read_text() == 'years of work'


def test_store_without_clips_is_not_written(tmp_path):
    with pytest.raises(StoreError, match='No usable clip'):
        with ClipStore.create(tmp_path / 'store', NTU25, ['a']):
            pass
    assert files(tmp_path) == []


def test_unknown_precision(tmp_path):
    with pytest.raises(StoreError, match="'int8'.*float32.*float16"):
        with ClipStore.create(tmp_path / 'store', NTU25, ['a'], dtype='int8'):
            pytest.fail('must not begin')
    assert files(tmp_path) == []


@pytest.mark.parametrize('where', ['frames', 'index'])
def test_full_disk(tmp_path, monkeypatch, where):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, 'No space left on device')

    with pytest.raises(StoreError, match='No space left.*Nothing was written'):
        with ClipStore.create(tmp_path / 'store', NTU25, ['a']) as writer:
            writer.add('first', 0, random_clip())
            if where == 'frames':

                class Full:
                    write = full

                monkeypatch.setattr(writer, '_file', Full())
            else:
                monkeypatch.setattr(np, 'savez', full)
            writer.add('second', 0, random_clip())
    assert files(tmp_path) == []


def with_value(value):
    clip = random_clip(2)
    clip[1, 2, 3, 0] = value
    return clip


def with_empty_person():
    clip = random_clip(2)
    clip[0] = 0
    return clip


REFUSED = {
    'joints': (dict(clip=random_clip(joints=20)), "20 joints, but layout 'ntu25' has 25"),
    'NaN': (dict(clip=with_value(np.nan)), 'NaN'),
    'infinite': (dict(clip=with_value(-np.inf)), 'infinite'),
    'text': (dict(clip=random_clip().astype(str)), 'non-numeric'),
    'too large': (dict(clip=with_value(0).astype(np.float64) + 1e300), 'too large for float32'),
    'no frames': (dict(clip=random_clip(frames=0)), r'is empty: its shape is \(1, 0, 25, 3\)'),
    'no persons': (dict(clip=random_clip(0)), 'is empty'),
    'person of zeros': (dict(clip=with_empty_person()), 'person whose coordinates are all zero'),
    'label': (dict(label=3), 'label 3, but labels go from 0 to 2'),
    'class': (dict(label='wvae'), "label 'wvae', which is not one of the classes "),
    'negative label': (dict(label=-1), 'label -1'),
    'broken label': (dict(label=1.5), 'label 1.5'),
    'duplicate': (dict(name='first'), 'comes twice'),
    'dimensions': (dict(clip=random_clip()[0]), r'shape \(5, 25, 3\): persons, frames, joints'),
    'coordinates': (dict(clip=random_clip(coords=2)), '2 coordinates per joint, the clips before it 3'),
    'attributes': (dict(camera=2), r"\['camera', 'performer'\], the clips before it \['performer'\]"),
    'name': (dict(name='\udcff'), 'not Unicode'),
}


@pytest.mark.parametrize('change, message', REFUSED.values(), ids=REFUSED)
def test_unusable_clip_is_refused_by_name_and_changes_nothing(tmp_path, change, message):
    attributes = dict(name='the bad one', label=0, clip=random_clip(), performer=3) | change
    name, label, clip = (attributes.pop(key) for key in ('name', 'label', 'clip'))
    first, last = random_clip(2, 3, seed=1), random_clip(1, 4, seed=2)
    with ClipStore.create(tmp_path / 'store', NTU25, ['a', 'b', 'c']) as writer:
        writer.add('first', 2, first, performer=1)
        with pytest.raises(ClipError, match=message) as caught:
            writer.add(name, label, clip, **attributes)
        assert repr(name) in str(caught.value)
        writer.add('last', 1, last, performer=2)
    store = ClipStore(tmp_path / 'store')
    assert store.names.tolist() == ['first', 'last']
    assert store.labels.tolist() == [2, 1]
    assert store.attributes['performer'].tolist() == [1, 2]
    np.testing.assert_array_equal(store[0], first)
    np.testing.assert_array_equal(store[1], last)


def test_clip_too_large_for_half_precision(tmp_path):
    with ClipStore.create(tmp_path / 'store', NTU25, ['a'], 'float16') as writer:
        with pytest.raises(ClipError, match='millimetres.*too large for float16.*metres'):
            writer.add('in millimetres', 0, random_clip() * 1e5)
        writer.add('in metres', 0, random_clip())
    assert len(ClipStore(tmp_path / 'store')) == 1


def test_attributes_that_would_be_pickled_are_refused(tmp_path):
    with pytest.raises(StoreError, match='attribute/camera'):
        with ClipStore.create(tmp_path / 'store', NTU25, ['a']) as writer:
            writer.add('clip', 0, random_clip(), camera=None)
    assert files(tmp_path) == []


def test_clips_in_any_memory_order_and_type(tmp_path):
    clip = random_clip(2, 6)
    with ClipStore.create(tmp_path / 'store', NTU25, ['a']) as writer:
        writer.add('strided', 0, np.asfortranarray(clip)[:, ::2])
        writer.add('double', 0, clip.astype(np.float64))
        writer.add('lists', 0, clip.tolist())
        writer.add('integers', 0, np.ones((1, 2, 25, 3), int))
    store = ClipStore(tmp_path / 'store')
    np.testing.assert_array_equal(store[0], clip[:, ::2])
    np.testing.assert_array_equal(store[1], clip)
    np.testing.assert_array_equal(store[2], clip)
    assert (store[3] == 1).all()


@pytest.mark.parametrize('num_coords', [1, 4])
def test_other_numbers_of_coordinates_are_refused(tmp_path, num_coords):
    with pytest.raises(ClipError, match=f'{num_coords} coordinates per joint, not 2 or 3'):
        check_clip('c', np.ones((1, 4, 25, num_coords)), NTU25)
