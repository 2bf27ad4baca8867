import os
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmskelssl.converters.ntu import NTU60
from mmskelssl.converters.official_arrays import OfficialArraysReader, unpadded_length
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.datasets.transforms import pre_normalize

FRAMES = 40
NAMES = dict(train=['S001C001P001R001A003', 'S001C002P002R001A060'], val=['S001C001P003R001A001'])
LENGTHS = dict(train=[7, FRAMES], val=[12])


def clip(seed, length, persons=2):
    body = np.random.default_rng(seed).uniform(-1, 1, (persons, length, 25, 3))
    return body.astype(np.float32)


def padded(clips):
    """(N, C, T, V, M) of clips (M, T, V, C), as the official programs write it."""
    array = np.zeros((len(clips), 3, FRAMES, 25, 2), np.float32)
    for row, one in zip(array, clips, strict=True):
        row[:, : one.shape[1], :, : len(one)] = one.transpose(3, 1, 2, 0)
    return array


CLIPS = {
    'train': [clip(0, LENGTHS['train'][0]), clip(1, LENGTHS['train'][1], persons=1)],
    'val': [clip(2, LENGTHS['val'][0])],
}


@pytest.fixture
def folder(tmp_path):
    """The folder ``xsub`` as CMD has it."""
    folder = tmp_path / 'xsub'
    folder.mkdir()
    for side, clips in CLIPS.items():
        labels = [int(name[-3:]) - 1 for name in NAMES[side]]
        np.save(folder / f'{side}_data_joint.npy', padded(clips))
        np.save(folder / f'{side}_num_frame.npy', np.array(LENGTHS[side]))
        names = [f'{name}.skeleton' for name in NAMES[side]]
        (folder / f'{side}_label.pkl').write_bytes(pickle.dumps((names, labels)))
    return folder


def is_whole(store):
    assert store.names.tolist() == NAMES['train'] + NAMES['val']
    assert store.labels.tolist() == [2, 59, 0]
    for i, original in enumerate(CLIPS['train'] + CLIPS['val']):
        np.testing.assert_array_equal(store[i], original)


def test_store_holds_what_the_arrays_hold(folder, tmp_path, run_converter):
    status, out, err = run_converter('official_arrays', folder, tmp_path / 'store')
    assert (status, err) == (0, '') and '3 clips' in out and '0 clips repaired.' in out
    store = ClipStore(tmp_path / 'store')
    is_whole(store)
    assert {name: index.tolist() for name, index in store.splits.items()} == dict(xsub_train=[0, 1], xsub_test=[2])
    assert store.classes == NTU60.classes
    assert store.attributes['performer'].tolist() == [1, 2, 3]
    assert store.source['joints_at_origin'] == []


def test_lengths_are_found_without_their_file(folder, tmp_path, run_converter):
    for side in NAMES:
        (folder / f'{side}_num_frame.npy').unlink()
    assert run_converter('official_arrays', folder, tmp_path / 'store', '--split', 'mine')[0] == 0
    store = ClipStore(tmp_path / 'store')
    is_whole(store)
    assert sorted(store.splits) == ['mine_test', 'mine_train']


def test_repetitions_of_pre_normalized_arrays_are_taken_off(folder, tmp_path, run_converter):
    for side, clips in CLIPS.items():
        (folder / f'{side}_num_frame.npy').unlink()
        normal = [pre_normalize(one, NTU25) for one in padded(clips).transpose(0, 4, 2, 3, 1)]
        np.save(folder / f'{side}_data_joint.npy', np.stack(normal).transpose(0, 4, 2, 3, 1))
    assert run_converter('official_arrays', folder, tmp_path / 'store')[0] == 0
    store = ClipStore(tmp_path / 'store')
    assert store.num_frames.tolist() == [7, FRAMES, 12]
    assert store.source['joints_at_origin'] == ['mid spine']


def test_arrays_of_crossclr(folder, tmp_path, run_converter):
    for side in NAMES:
        (folder / f'{side}_num_frame.npy').unlink()
        (folder / f'{side}_data_joint.npy').rename(folder / f'{side}_position.npy')
    assert run_converter('official_arrays', folder, tmp_path / 'store')[0] == 0
    is_whole(ClipStore(tmp_path / 'store'))


def test_labels_of_pku_mmd_are_floating_point_and_lengths_beyond_the_array(folder, tmp_path, run_converter):
    (folder / 'val_label.pkl').write_bytes(pickle.dumps((['0002-L_0'], [np.float64(3)])))
    np.save(folder / 'val_num_frame.npy', np.array([1000]))
    assert run_converter('official_arrays', folder, tmp_path / 'store')[0] == 0
    store = ClipStore(tmp_path / 'store')
    assert store.labels.tolist() == [2, 59, 3] and store.num_frames[2] == FRAMES


def test_one_side_is_enough(folder):
    for file in folder.glob('val_*'):
        file.unlink()
    reader = OfficialArraysReader(folder)
    assert len(reader) == 2 and list(reader.splits(list(reader))) == ['xsub_train']


def test_arrays_are_mapped(folder):
    assert all(isinstance(side.clips, np.memmap) for side in OfficialArraysReader(folder)._sides.values())


@settings(max_examples=60, deadline=None)
@given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=2), total=st.integers(20, 60), fill=st.booleans())
def test_padding_of_any_kind_is_found(lengths, total, fill):
    rng = np.random.default_rng(0)
    clip = np.zeros((len(lengths), total, 4, 3), np.float32)
    for person, length in zip(clip, lengths, strict=True):
        body = rng.uniform(1, 2, (length, 4, 3))
        person[:length] = body
        if fill:
            person[:] = body[np.arange(total) % length]
    assert unpadded_length(clip) == max(lengths)


def test_a_period_is_one_only_if_all_frames_come_again():
    body = np.arange(1, 11, dtype=np.float32)[None, :, None, None]
    body[0, 5] = body[0, 0]
    assert unpadded_length(body) == 10
    assert unpadded_length(0 * body) == 10


def save_labels(names, labels):
    return lambda folder: (folder / 'train_label.pkl').write_bytes(pickle.dumps((names, labels)))


def save_array(name, array):
    return lambda folder: np.save(folder / name, array)


def cut(name, keep):
    def change(folder):
        path = folder / name
        path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])

    return change


class Evil:
    def __reduce__(self):
        return os.mkdir, ('trace',)


BAD_FOLDERS = {
    'no arrays': (lambda folder: [file.unlink() for file in folder.iterdir()], 'has neither train_data_joint.npy'),
    'two arrays': (save_array('train_position.npy', np.ones(2)), 'has train_data_joint.npy and train_position.npy'),
    'axes': (save_array('train_data_joint.npy', np.ones((2, 3))), 'train_data_joint.npy has shape (2, 3), not (N'),
    'joints': (save_array('train_data_joint.npy', np.ones((2, 3, 5, 20, 2))), 'has shape (2, 3, 5, 20, 2), not'),
    'coordinates': (save_array('train_data_joint.npy', np.ones((2, 4, 5, 25, 2))), '2 or 3 coordinates'),
    'no clips': (save_array('train_data_joint.npy', np.ones((0, 3, 5, 25, 2))), 'has shape (0, 3'),
    'whole numbers': (save_array('train_data_joint.npy', np.ones((2, 3, 5, 25, 2), int)), 'joint.npy holds int64'),
    'objects': (save_array('train_data_joint.npy', np.array([None])), 'is not a whole .npy file of numbers'),
    'junk': (lambda folder: (folder / 'train_data_joint.npy').write_bytes(b'junk'), 'is not a whole .npy file'),
    'empty': (lambda folder: (folder / 'train_data_joint.npy').write_bytes(b''), 'is not a whole .npy file'),
    'short array': (cut('train_data_joint.npy', 0.9), 'train_data_joint.npy is not a whole .npy file'),
    'cut in the head': (cut('train_data_joint.npy', 0.001), 'train_data_joint.npy is not a whole .npy file'),
    'short labels': (cut('train_label.pkl', 0.9), 'train_label.pkl is not a whole pickle'),
    'no labels': (lambda folder: (folder / 'train_label.pkl').unlink(), 'train_label.pkl cannot be read: No such file'),
    'counts': (save_labels(['a'], [0, 1]), 'train_label.pkl, names: 1, '),
    'lengths': (save_array('train_num_frame.npy', np.ones(3, int)), 'train_num_frame.npy: 3.'),
    'kind of lengths': (save_array('train_num_frame.npy', np.ones(2)), 'train_num_frame.npy is float64(2,), not'),
    'no pair': (
        lambda folder: (folder / 'train_label.pkl').write_bytes(pickle.dumps([1])),
        'not a pair of names',
    ),
    'names': (save_labels([1, 2], [0, 0]), 'the first of the pair is not a list of names'),
    'label list': (save_labels(['a', 'b'], 'ab'), 'the second of the pair is not a list of labels'),
    'code': (save_labels(['a', Evil()], [0, 1]), "train_label.pkl holds the code 'posix.mkdir' and is refused"),
    'labels too large': (save_labels(['a', 'b'], [0, 1 << 40]), 'The largest label is 1099511627776'),
}


@pytest.mark.parametrize('kind', BAD_FOLDERS)
def test_bad_folder_is_refused_by_file(folder, tmp_path, run_converter, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    change, message = BAD_FOLDERS[kind]
    change(folder)
    status, _, err = run_converter('official_arrays', folder, tmp_path / 'store')
    assert status == 1 and message in err and err.startswith('error: ') and err.count('\n') == 1
    assert [file.name for file in tmp_path.iterdir()] == ['xsub']


def with_array(change):
    def save(folder):
        array = np.load(folder / 'train_data_joint.npy')
        change(array)
        np.save(folder / 'train_data_joint.npy', array)

    return save


BAD_CLIPS = {
    'nan': (with_array(lambda array: np.put(array[1], 0, np.nan)), 'data_joint.npy[1]', 'NaN'),
    'nobody': (with_array(lambda array: array[1].fill(0)), 'data_joint.npy[1]', 'all zero'),
    'length': (save_array('train_num_frame.npy', np.array([7, 0])), 'data_joint.npy[1]', 'num_frame.npy says 0 frames'),
    'label': (save_labels(NAMES['train'], [2, 0.5]), 'data_joint.npy[1]', "the label of 'S001C002P002R001A060' is not"),
    'contradiction': (save_labels(NAMES['train'], [2, 5]), 'data_joint.npy[1]', 'its name says action 60, which is 59'),
    'twice': (save_labels(NAMES['train'][:1] * 2, [2, 2]), 'data_joint.npy[1]', 'comes twice'),
    'negative': (save_labels(['a', 'b'], [0, -1]), 'data_joint.npy[1]', 'has label -1, but labels go from 0 to 0'),
}


@pytest.mark.parametrize('kind', BAD_CLIPS)
def test_bad_clip_is_skipped_and_named(folder, tmp_path, run_converter, kind):
    change, origin, message = BAD_CLIPS[kind]
    change(folder)
    status, out, _ = run_converter('official_arrays', folder, tmp_path / 'store')
    assert status == 0 and len(ClipStore(tmp_path / 'store')) == 2
    (line,) = [line for line in out.splitlines() if origin in line and message in line]
    assert run_converter('official_arrays', folder, tmp_path / 'strict', '--strict')[0] == 1
