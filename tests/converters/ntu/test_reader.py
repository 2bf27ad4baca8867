import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_ntu import random_frames, skeleton_bytes

from mmskelssl.converters.base import RawClip
from mmskelssl.converters.ntu import DATASETS, MAX_BYTES, NTU60, NTU120, NTUReader, read_skeleton_file
from mmskelssl.converters.parallel import reading
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.utils.errors import ClipError, StoreError

# name: bodies of each frame. Both sides of x-sub and x-view; the third comes first in the order of names.
GOOD = {
    'S002C001P003R002A060': [2, 2, 1],
    'S017C003P038R001A001': [1],
    'S001C002P001R001A050': [0, 1, 3],
}


def clips(names=GOOD):
    return {f'{name}.skeleton': skeleton_bytes(random_frames(GOOD.get(name, [1]), seed=len(name))) for name in names}


def write(folder, files):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def pack(path, files, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, 'w', compression) as archive:
        for name, data in files.items():
            archive.writestr(f'nturgb+d_skeletons/{name}', data)
    return path


@pytest.fixture
def convert(run_converter):
    return partial(run_converter, 'ntu')


def test_clip_is_what_name_and_file_say(tmp_path):
    reader = NTUReader([write(tmp_path, clips())])
    assert len(reader) == 3 and reader.dataset is NTU60 and len(reader.classes) == 60
    raw = list(reader)[1]
    assert raw.name == 'S002C001P003R002A060' and reader.classes[raw.label] == 'walk apart from each other'
    assert raw.attributes == dict(setup=2, camera=1, performer=3, replication=2)
    assert raw.origin == str(tmp_path / 'S002C001P003R002A060.skeleton')
    assert raw.clip.shape == (2, 3, 25, 3)
    np.testing.assert_array_equal(raw.clip, read_skeleton_file(raw.origin))


def test_body_selection_is_the_callers(tmp_path):
    frames = random_frames([2, 2])
    frames = [[a * 0.01, b] for a, b in frames]
    path = write(tmp_path, {'S001C001P001R001A001.skeleton': skeleton_bytes(frames)})
    (first,) = NTUReader([path], bodies='first')
    (energy,) = NTUReader([path])
    np.testing.assert_array_equal(first.clip, energy.clip[::-1])
    file = path / 'S001C001P001R001A001.skeleton'
    np.testing.assert_array_equal(read_skeleton_file(file, bodies='first'), first.clip)


def test_folder_and_archives_give_the_same_store(tmp_path, convert):
    files = clips()
    first, *rest = files
    folder = write(tmp_path / 'deep' / 'er', files)
    one = pack(tmp_path / 'one.zip', files)
    two = [
        pack(tmp_path / 'a.zip', {first: files[first]}, zipfile.ZIP_STORED),
        pack(tmp_path / 'b.zip', {n: files[n] for n in rest}),
    ]
    sources = dict(folder=[folder.parent], one=[one], two=two, reversed=two[::-1])
    stores = []
    for name, paths in sources.items():
        assert convert(*paths, tmp_path / 'out' / name)[0] == 0
        stores.append(ClipStore(tmp_path / 'out' / name))
    for store in stores:
        assert store.names.tolist() == sorted(GOOD) and store.labels.tolist() == [49, 59, 0]
        np.testing.assert_array_equal(store.frames, stores[0].frames)
        splits = {name: index.tolist() for name, index in store.splits.items()}
        assert splits == dict(xsub_train=[0, 2], xsub_test=[1], xview_train=[0, 2], xview_test=[1])


def test_an_open_archive_is_read_by_several_processes(tmp_path):
    names = [f'S001C00{1 + i % 3}P001R001A{1 + i // 3:03}' for i in range(60)]
    files = {f'{name}.skeleton': skeleton_bytes(random_frames([1, 1], seed=i)) for i, name in enumerate(names)}
    reader = NTUReader([pack(tmp_path / 'raw.zip', files)])
    # The position in the archive is not where a new process would begin.
    expected = [reader.outcomes(index) for index in range(len(reader))]
    with reading(reader, workers=3) as sources:
        for (got,), (wanted,) in zip(sources, expected, strict=True):
            assert got.name == wanted.name
            np.testing.assert_array_equal(got.clip, wanted.clip)


def test_the_setups_tell_which_set_it_is(tmp_path):
    write(tmp_path / 'raw', clips([*GOOD, 'S018C001P045R001A061', 'S031C003P050R001A120', 'S032C003P051R001A119']))
    reader = NTUReader([tmp_path / 'raw'])
    assert reader.dataset is NTU120 and len(reader) == 6 and len(reader.classes) == 120
    splits = reader.splits(list(reader))
    assert splits['xset_train'] == [1, 3, 5] and splits['xset_test'] == [0, 2, 4]
    assert splits['xsub_train'] == [0, 2, 3, 4] and splits['xsub_test'] == [1, 5]
    small = NTUReader([tmp_path / 'raw'], NTU60)
    assert [raw.name for raw in small] == sorted(GOOD)
    large = NTUReader([write(tmp_path / 'small', clips())], NTU120)
    assert large.dataset is NTU120 and len(large) == 3


@pytest.mark.parametrize('name, dataset', DATASETS.items(), ids=DATASETS)
def test_a_partial_set_is_called_so(tmp_path, convert, name, dataset):
    status, _, err = convert(write(tmp_path / 'raw', clips()), tmp_path / 'store', '--dataset', name)
    assert status == 0
    for split, size in dataset.split_sizes.items():
        assert f'partial data set: split {split} has' in err and f'the published set {size}.' in err


BAD = {
    'notes.skeleton': (b'1\n', "the name 'notes' is not of the form SsssCcccPpppRrrrAaaa"),
    'S001C009P001R001A001.skeleton': (b'1\n', "camera 9 of 'S001C009P001R001A001' is not in the range 1 to 3"),
    'S001C001P001R001A061.skeleton': (clips(['x'])['x.skeleton'], 'has label 60, but labels go from 0 to 59'),
    'S001C001P001R001A002.skeleton': (b'', '1: the file ends where the number of frames is expected'),
    'S001C001P001R001A003.skeleton': (b'1\n7\n', '2: the number of bodies has to be a number from 0 to 6'),
    'S001C001P001R001A004.skeleton': (b'2\n0\n0\n', '1: no frame has a body'),
    'S001C001P001R001A005.skeleton': (b'\0' * (MAX_BYTES + 1), f'{MAX_BYTES + 1} bytes are more than'),
    'S001C001P001R001A006.skeleton': (skeleton_bytes([[np.zeros((25, 3))]]), 'coordinates are all zero'),
    'again/S002C001P003R002A060.skeleton': (clips()['S002C001P003R002A060.skeleton'], 'comes twice'),
}


@pytest.mark.parametrize('archived', [False, True])
def test_every_bad_file_is_skipped_by_name_and_the_others_kept(tmp_path, convert, archived):
    files = {**clips(), **{name: data for name, (data, _) in BAD.items()}}
    source = pack(tmp_path / 'raw.zip', files) if archived else write(tmp_path / 'raw', files)
    status, out, _ = convert(source, tmp_path / 'store')
    assert status == 0 and f'{len(BAD)} clips skipped:' in out
    lines = [line for line in out.splitlines() if line.startswith(f'  {source}')]
    assert len(lines) == len(BAD)
    for name, (_, message) in BAD.items():
        # Which of two clips of one name is the second is a matter of order.
        (line,) = [line for line in lines if Path(name).name in line]
        assert message in line
    assert ClipStore(tmp_path / 'store').names.tolist() == sorted(GOOD)


def test_a_member_that_says_it_is_short_is_not_inflated(tmp_path):
    """A bomb: 20 MB of zeros that the directory calls 100 bytes."""
    path = pack(tmp_path / 'raw.zip', {'S001C001P001R001A001.skeleton': b'\0' * 20_000_000})
    path.write_bytes(path.read_bytes().replace((20_000_000).to_bytes(4, 'little'), (100).to_bytes(4, 'little')))
    (error,) = NTUReader([path])
    assert isinstance(error, ClipError) and 'raw.zip/nturgb+d_skeletons/S001C001P001R001A001.skeleton' in str(error)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_archives_are_refused_or_read(tmp_path_factory, data):
    path = tmp_path_factory.mktemp('zip') / 'raw.zip'
    damaged = bytearray(pack(path, clips()).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(damaged)) | st.integers(max(0, len(damaged) - 400), len(damaged)))
        damaged[start : start + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=20))
    path.write_bytes(damaged)
    try:
        outcomes = list(NTUReader([path]))
    except StoreError as error:
        assert str(path) in str(error)
        return
    for outcome in outcomes:
        if isinstance(outcome, RawClip):
            assert np.isfinite(outcome.clip).all()
        else:
            assert str(path) in str(outcome)


@pytest.mark.parametrize('make, message', [
    (lambda path: None, 'raw does not exist'),
    (lambda path: path.mkdir(), 'There is no .skeleton file in .*raw'),
    (lambda path: path.write_text('not an archive'), 'a .skeleton file nor a whole zip or tar archive'),
    (lambda path: path.write_bytes(pack(path, clips()).read_bytes()[:-9]), 'raw is neither a folder'),
    (lambda path: pack(path, {'notes.txt': b''}), 'There is no .skeleton file in .*raw'),
])  # fmt: skip
def test_paths_without_clips(tmp_path, convert, make, message):
    make(tmp_path / 'raw')
    with pytest.raises(StoreError, match=message):
        NTUReader([tmp_path / 'raw'])
    status, _, err = convert(tmp_path / 'raw', tmp_path / 'store')
    assert status == 1 and err.startswith('error: ') and err.count('\n') == 1
    assert not (tmp_path / 'store').exists()


def test_unreadable_file_is_named(tmp_path):
    with pytest.raises(ClipError, match='nowhere.skeleton: unreadable: .*No such file'):
        read_skeleton_file(tmp_path / 'nowhere.skeleton')
