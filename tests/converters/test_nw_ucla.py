import json
import tarfile
from functools import partial

import numpy as np
import pytest

from mmskelssl.converters.nw_ucla import NWUCLAReader
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.layouts import KINECT20
from mmskelssl.utils.errors import StoreError

# name: frames
GOOD = {'a01_s02_e03_v01': 5, 'a12_s01_e00_v02': 1, 'a08_s10_e04_v03': 9}
LABELS = {'a01_s02_e03_v01': 1, 'a12_s01_e00_v02': 10, 'a08_s10_e04_v03': 7}


def skeletons(frames=5, joints=20, seed=0):
    return np.random.default_rng(seed).standard_normal((frames, joints, 3)).round(4)


def text(name, label, clip):
    return json.dumps(dict(file_name=name, label=label, skeletons=np.asarray(clip).tolist()))


def nan():
    clip = skeletons()
    clip[2, 3, 1] = np.nan
    return clip


BAD = {
    'b01_s01_e01_v01': (text('x', 1, skeletons()), 'the path does not end in aAA_sSS_eEE_vVV.json'),
    'a01_s01_e01_v01_copy': (text('x', 1, skeletons()), 'the path does not end in aAA_sSS_eEE_vVV.json'),
    'a07_s01_e01_v01': (text('x', 7, skeletons()), 'action 7 is not one of'),
    'a01_s01_e01_v01': ('{"label": 1', 'is not JSON'),
    'a01_s01_e02_v01': (b'\xff\xfe\x00', 'is not JSON'),
    'a01_s01_e03_v01': ('[1, 2]', 'is not JSON with'),
    'a01_s01_e04_v01': (json.dumps(dict(label=1)), "KeyError: 'skeletons'"),
    'a01_s01_e05_v01': (json.dumps(dict(label=None, skeletons=[])), 'is not JSON with'),
    'a01_s01_e06_v01': (json.dumps(dict(label=1, skeletons=[[[1, 2, 3]], [[1]]])), 'is not JSON with'),
    'a01_s01_e07_v01': (json.dumps(dict(label=1, skeletons=[[[10**400, 2, 3]]])), 'is not JSON with'),
    'a01_s01_e08_v01': ('[' * 100_000, 'is not JSON with'),
    'a02_s01_e01_v01': (text('x', 1, skeletons()), 'says label 1, but its action code is class 2'),
    'a03_s01_e01_v01': (text('x', 3, skeletons(joints=25)), "25 joints, but layout 'kinect20' has 20"),
    'a03_s01_e02_v01': (text('x', 3, nan()), 'NaN'),
    'a03_s01_e03_v01': (text('x', 3, np.zeros((4, 20, 3))), 'all zero'),
    'a03_s01_e04_v01': (text('x', 3, []), 'shape (1, 0)'),
    'a03_s01_e05_v01': (text('x', 3, np.zeros((0, 20, 3))), 'shape (1, 0)'),
    'a03_s01_e06_v01': (text('x', 3, skeletons().reshape(5, 60)), 'shape (1, 5, 60)'),
    'a03_s01_e07_v01': ('', 'is not JSON with'),
}


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f'{name}.json').write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def good():
    return {name: text(name, LABELS[name], skeletons(frames, seed=frames)) for name, frames in GOOD.items()}


def pack(folder, path, mode='w:gz'):
    with tarfile.open(path, mode) as archive:
        archive.add(folder, 'all_sqe')
    return path


@pytest.fixture
def convert(run_converter):
    return partial(run_converter, 'nw_ucla')


def test_clip_is_what_the_file_says(tmp_path):
    reader = NWUCLAReader(write(tmp_path / 'set', good()))
    assert len(reader) == 3 and reader.layout == KINECT20 and len(reader.classes) == 10
    clips = {raw.name: raw for raw in reader}
    raw = clips['a12_s01_e00_v02']
    assert raw.attributes == dict(subject=1, repetition=0, view=2)
    assert reader.classes[raw.label] == 'carry'
    assert raw.clip.shape == (1, 1, 20, 3) and raw.clip.dtype == np.float32
    np.testing.assert_array_equal(clips['a08_s10_e04_v03'].clip[0], skeletons(9, seed=9).astype(np.float32))
    assert reader.classes[clips['a08_s10_e04_v03'].label] == 'donning'


@pytest.mark.parametrize('mode, name', [('w:gz', 'all_sqe.tar.gz'), ('w', 'all_sqe.tar'), ('w:xz', 'all_sqe.tar.xz')])
def test_archive_and_folder_give_the_same_store(tmp_path, convert, mode, name):
    folder = write(tmp_path / 'set' / 'deep' / 'all_sqe', good())
    archive = pack(folder, tmp_path / name, mode)
    for src, out in ((tmp_path / 'set', 'a'), (archive, 'b')):
        assert convert(src, tmp_path / out)[0] == 0
    a, b = ClipStore(tmp_path / 'a'), ClipStore(tmp_path / 'b')
    assert a.names.tolist() == b.names.tolist() == sorted(GOOD)
    np.testing.assert_array_equal(a.frames, b.frames)
    assert a.labels.tolist() == b.labels.tolist() == [LABELS[name] - 1 for name in sorted(GOOD)]
    assert a.split('xview_train').tolist() == b.split('xview_train').tolist() == [0, 2]
    assert a.split('xview_test').tolist() == b.split('xview_test').tolist() == [1]
    assert a.attributes['view'].tolist() == [1, 3, 2]


def test_views_decide_the_split(tmp_path):
    names = [f'a01_s01_e0{e}_v0{v}' for e in range(2) for v in (1, 2, 3, 4)]
    reader = NWUCLAReader(write(tmp_path / 'set', {name: text(name, 1, skeletons()) for name in names}))
    clips = list(reader)
    views = {split: {clips[i].attributes['view'] for i in index} for split, index in reader.splits(clips).items()}
    assert views == dict(xview_train={1, 2}, xview_test={3}, xview_test_unique=set())  # all hold the same frames


@pytest.mark.parametrize('workers', [1, 2])
def test_test_clips_that_repeat_training_clips_have_a_split_without_them(tmp_path, convert, workers):
    """Known by their frames: their names, classes and other test clips have no part in it."""
    repeated, other = skeletons(9, seed=1), skeletons(9, seed=2)
    clips = dict(
        a01_s01_e00_v01=repeated,
        a02_s05_e03_v03=repeated,
        a01_s01_e00_v03=other,
        a01_s01_e01_v03=other,
        a01_s01_e02_v03=[*repeated, repeated[-1]],
        a02_s05_e04_v04=skeletons(9, seed=3),
        a02_s05_e04_v03=skeletons(9, seed=3),
    )
    write(tmp_path / 'set', {name: text(name, int(name[2]), frames) for name, frames in clips.items()})
    assert convert(tmp_path / 'set', tmp_path / 'store', '--workers', workers)[0] == 0
    store = ClipStore(tmp_path / 'store')
    test, unique = (set(store.names[store.split(name)]) for name in ('xview_test', 'xview_test_unique'))
    assert len(test) == 5 and test - unique == {'a02_s05_e03_v03'}


def test_every_bad_file_is_skipped_by_name_and_the_others_kept(tmp_path, convert):
    write(tmp_path / 'set', {**good(), **{name: content for name, (content, _) in BAD.items()}})
    status, out, err = convert(tmp_path / 'set', tmp_path / 'store')
    assert status == 0
    assert '3 clips written; splits: xview_train 2, xview_test 1, xview_test_unique 1.' in out
    assert f'{len(BAD)} clips skipped:' in out
    lines = [line for line in out.splitlines() if line.startswith('  ')]
    assert len(lines) == len(BAD)
    for name, (_, message) in BAD.items():
        (line,) = [line for line in lines if f'{name}.json: ' in line]
        assert message in line
    assert ClipStore(tmp_path / 'store').names.tolist() == sorted(GOOD)
    assert ClipStore(tmp_path / 'store').source['skipped'] == len(BAD)
    assert 'partial data set: split xview_train has 2 clips, the published set 1020' in err
    assert 'split xview_test has 1 clips, the published set 464' in err


def test_folder_without_clips(tmp_path, convert):
    (tmp_path / 'set').mkdir()
    status, _, err = convert(tmp_path / 'set', tmp_path / 'store')
    assert status == 1 and 'There is no aAA_sSS_eEE_vVV.json in' in err


@pytest.mark.parametrize('keep', [0.0, 0.3, 0.9, 0.999])
@pytest.mark.parametrize('mode', ['w:gz', 'w'])
def test_truncated_archive(tmp_path, mode, keep):
    archive = pack(write(tmp_path / 'set', good()), tmp_path / 'all_sqe.tar', mode)
    data = archive.read_bytes()
    if mode == 'w':
        data = data[: len(data.rstrip(b'\0'))]  # what comes after is padding
    archive.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(StoreError, match='all_sqe.tar is not a whole tar archive: download it again'):
        NWUCLAReader(archive)


def test_archive_with_flipped_bytes(tmp_path):
    archive = pack(write(tmp_path / 'set', good()), tmp_path / 'all_sqe.tar.gz')
    data = bytearray(archive.read_bytes())
    for start in range(len(data) // 4, len(data) - 40, 400):
        damaged = bytearray(data)
        damaged[start : start + 40] = b'\x55' * 40
        archive.write_bytes(damaged)
        with pytest.raises(StoreError, match='not a whole tar archive'):
            NWUCLAReader(archive)


@pytest.mark.shared
def test_the_real_set(shared, tmp_path, convert):
    status, out, err = convert(shared / 'data' / 'nw_ucla' / 'all_sqe.tar.gz', tmp_path / 'store')
    assert status == 0 and 'warning' not in err
    assert '1484 clips written; splits: xview_train 1020, xview_test 464, xview_test_unique 369.' in out
    assert '0 clips repaired.' in out and '0 clips skipped.' in out
    store = ClipStore(tmp_path / 'store')
    assert len(store) == 1484 and store.num_persons.tolist() == [1] * 1484
    assert (store.num_frames.min(), store.num_frames.max()) == (1, 201)
    assert round(store.num_frames.mean()) == 39
    assert np.bincount(store.labels).min() > 100 and len(np.bincount(store.labels)) == 10
    sides = [set(store.attributes['view'][store.split(name)].tolist()) for name in ('xview_train', 'xview_test')]
    assert sides == [{1, 2}, {3}]
    test, unique = (set(store.split(name).tolist()) for name in ('xview_test', 'xview_test_unique'))
    repeated = {store.classes[store.labels[i]] for i in test - unique}
    assert unique < test and repeated == {'pick up with two hands', 'drop trash'}
    known = {store[i].tobytes() for i in store.split('xview_train')}
    assert all((store[i].tobytes() in known) == (i not in unique) for i in test)
    # Metres: the spine of a standing person.
    spine = np.linalg.norm(store.frames[:, 2] - store.frames[:, 0], axis=-1)
    assert 0.2 < np.median(spine) < 0.7
