import zipfile
from functools import partial

import numpy as np
import pytest

from mmskelssl.converters.sbu import ACTIONS, FOLDS, SBUReader
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.layouts import SBU15
from mmskelssl.utils.errors import StoreError

GOOD = {'s01s02/03/001': 5, 's05s03/08/002': 1, 's06s03/01/001': 9}


def rows(frames=5, seed=0, columns=91):
    table = np.random.default_rng(seed).random((frames, columns)).round(5)
    table[:, 0] = np.arange(55, 55 + frames)
    return table


def text(table, end='\r\n'):
    return ''.join(','.join(f'{value:g}' for value in row) + end for row in table)


BAD = {
    's01s02/03/01': (text(rows()), 'the path does not end in sXXsYY/CC/NNN/skeleton_pos.txt'),
    's1s2/03/001': (text(rows()), 'the path does not end in'),
    's01s02/09/001': (text(rows()), 'action 9 is not one of 1, 2'),
    's01s02/00/001': (text(rows()), 'action 0 is not one of'),
    's01s04/01/001': (text(rows()), 'the pair s01s04 is not one of the 21 in the folds'),
    's01s02/01/001': ('', 'the file is empty'),
    's01s02/01/002': (text(rows(columns=90)), ":1: 90 numbers where a frame has 91 (the frame's number and 2 persons"),
    's01s02/02/001': (text(rows())[:-200], ':5: '),
    's01s02/02/002': (text(rows()).replace('\n57,', '\n57,x'), ':3: '),
    's01s02/04/001': (text(rows()).replace('\n56,', '\n56,nan,'), ':2: 92 numbers'),
    's01s02/04/002': ('1' + ',nan' * 90, 'NaN'),
    's01s02/05/001': ('1' + ',1e60' * 90, 'NaN, infinite'),
}


def write(folder, files):
    for name, content in files.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / 'skeleton_pos.txt').write_text(content, newline='')
    return folder


def good():
    return {name: text(rows(frames, seed=frames)) for name, frames in GOOD.items()}


@pytest.fixture
def convert(run_converter):
    return partial(run_converter, 'sbu')


def test_clip_is_what_the_file_says_in_metres(tmp_path):
    reader = SBUReader([write(tmp_path / 'set', good())])
    clips = {raw.name: raw for raw in reader}
    assert list(clips) == ['s01s02_03_001', 's05s03_08_002', 's06s03_01_001'] and reader.layout == SBU15
    raw = clips['s01s02_03_001']
    assert reader.classes[raw.label] == 'kick'
    assert raw.attributes == dict(performer=1, partner=2, trial=1, fold=1)
    assert raw.clip.shape == (2, 5, 15, 3) and raw.clip.dtype == np.float32
    x, y, z = rows(seed=5)[3, 1:].reshape(2, 15, 3)[1, 7]
    np.testing.assert_allclose(raw.clip[1, 3, 7], [1.28 - 2.56 * x, 0.96 - 1.92 * y, z / 0.78125], rtol=0, atol=1e-5)


def test_archives_and_folder_give_the_same_store(tmp_path, convert):
    folder = write(tmp_path / 'set' / 'SBU', good())
    archives = []
    for name in GOOD:
        archives.append(tmp_path / f'{name[:6]}.zip')
        with zipfile.ZipFile(archives[-1], 'w') as archive:
            archive.write(folder / name / 'skeleton_pos.txt', f'{name}/skeleton_pos.txt')
    assert convert(tmp_path / 'set', tmp_path / 'a')[0] == 0
    assert convert(*archives[::-1], tmp_path / 'b')[0] == 0
    a, b = ClipStore(tmp_path / 'a'), ClipStore(tmp_path / 'b')
    assert a.names.tolist() == b.names.tolist() and a.num_persons.tolist() == [2, 2, 2]
    np.testing.assert_array_equal(a.frames, b.frames)
    assert {name: index.tolist() for name, index in a.splits.items() if len(index) < 3} == {
        **{f'fold{fold}_train': [i for i in range(3) if i != clip] for fold, clip in ((1, 0), (2, 1), (5, 2))},
        **dict(fold1_test=[0], fold2_test=[1], fold3_test=[], fold4_test=[], fold5_test=[2]),
    }


def test_every_bad_file_is_skipped_by_name_and_the_others_kept(tmp_path, convert):
    write(tmp_path / 'set', {**good(), **{name: content for name, (content, _) in BAD.items()}})
    status, out, err = convert(tmp_path / 'set', tmp_path / 'store')
    assert status == 0 and '3 clips written' in out and f'{len(BAD)} clips skipped:' in out
    lines = [line for line in out.splitlines() if line.startswith('  ')]
    assert len(lines) == len(BAD)
    for name, (_, message) in BAD.items():
        (line,) = [line for line in lines if f'/{name}/skeleton_pos.txt' in line]
        assert message in line
    assert 'partial data set: split fold1_test has 1 clips, the published set 55' in err


def test_folder_without_clips(tmp_path):
    with pytest.raises(StoreError, match='There is no sXXsYY/CC/NNN/skeleton_pos.txt'):
        SBUReader([tmp_path])


def test_folds_share_no_pair():
    pairs = [pair for fold in FOLDS for pair in fold]
    assert len(pairs) == len(set(pairs)) == 21


@pytest.mark.shared
def test_the_real_set(shared, tmp_path, convert, check_draws):
    status, out, err = convert(shared / 'data' / 'sbu' / 'SBU.tar.gz', tmp_path / 'store')
    assert status == 0 and 'warning' not in err
    assert '282 clips written' in out and '0 clips skipped.' in out
    store = ClipStore(tmp_path / 'store')
    assert store.num_persons.tolist() == [2] * 282
    assert (store.num_frames.min(), np.median(store.num_frames), store.num_frames.max()) == (10, 23, 46)
    tests = [store.split(f'fold{fold}_test') for fold in range(1, 6)]
    assert [len(test) for test in tests] == [55, 52, 56, 54, 65]
    assert sorted(np.concatenate(tests)) == list(range(282))
    for fold, test in enumerate(tests, 1):
        train = store.split(f'fold{fold}_train')
        assert sorted([*train, *test]) == list(range(282))
        pairs = [
            {(store.attributes['performer'][i], store.attributes['partner'][i]) for i in side} for side in (train, test)
        ]
        assert not pairs[0] & pairs[1]
        check_draws(f'sbu_fold{fold}_train', dict(zip(store.names[train], store.labels[train], strict=True)))
    clip = store[store.names.tolist().index('s01s02_01_001')]
    assert clip.shape == (2, 45, 15, 3)
    np.testing.assert_allclose(clip[0, 0, 0], [1.28 - 2.56 * 0.21496, 0.96 - 1.92 * 0.32665, 1.28 * 1.7849], atol=1e-6)
    # In metres limbs keep their length whatever their direction; as distributed they do not.
    scaled = store.frames / np.array([-2.56, -1.92, 1.28], np.float32)
    spread = [
        np.mean([np.std(length) / np.mean(length) for length in bone_lengths(frames)])
        for frames in (store.frames, scaled)
    ]
    assert spread[0] < 0.1 < 0.13 < spread[1]
    # Persons come close in a hug and keep apart where they exchange something.
    gaps = np.array(
        [np.linalg.norm(clip[0, :, 2] - clip[1, :, 2], axis=-1).min() for clip in map(store.__getitem__, range(282))]
    )
    nearest = [np.median(gaps[store.labels == label]) for label in range(8)]
    assert ACTIONS[int(np.argmin(nearest))] == 'hug'


def bone_lengths(frames):
    return [np.linalg.norm(frames[:, v] - frames[:, p], axis=-1) for v, p in SBU15.bones]
