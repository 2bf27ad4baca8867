"""Input that is not seen or not understood is told by every converter."""

import json
import pickle

import numpy as np
import pytest
from list_reader import ListReader, raw
from raw_ntu import random_frames, skeleton_bytes

from mmskelssl.converters.convert import convert
from mmskelssl.converters.npy_folder import NpyFolderReader
from mmskelssl.converters.ntu import NTUReader
from mmskelssl.converters.pku_mmd.files import parse_split
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.utils.errors import ClipError, StoreError

NAME = 'S001C001P001R001A001'


def clip(joints=25, frames=6, seed=0):
    return np.random.default_rng(seed).normal(0, 0.3, (frames, joints, 3)).astype(np.float32)


@pytest.fixture
def ntu(tmp_path):
    folder = tmp_path / 'ntu'
    folder.mkdir()
    (folder / f'{NAME}.skeleton').write_bytes(skeleton_bytes(random_frames([1], seed=0)))
    return folder


def test_what_an_input_holds_besides_is_counted_and_named(ntu, tmp_path, run_converter):
    for name in (f'._{NAME}.skeleton', 'readme.txt', 'more.zip', 'S001C002P005R002A008.skeleton'):
        (ntu / name).write_bytes(b'x')
    status, out, err = run_converter('ntu', ntu, tmp_path / 'store')
    assert status == 0 and '0 clips skipped.' in out and '1 clips written' in out
    for line in (
        f'1 passed over, hidden, or of another system: {ntu}/._{NAME}.skeleton.',
        f'1 passed over, not .skeleton: {ntu}/readme.txt.',
        f'1 passed over, archives, which are read where they are given themselves: {ntu}/more.zip.',
        f'1 passed over, published as without a skeleton: {ntu}/S001C002P005R002A008.skeleton.',
    ):
        assert line in out
    kept = json.loads((tmp_path / 'store' / 'conversion.json').read_text())['passed_over']
    assert sum(map(len, kept.values())) == 4


def test_setups_of_the_other_set_are_named(ntu, tmp_path, run_converter):
    (ntu / f'S018{NAME[4:]}.skeleton').write_bytes((ntu / f'{NAME}.skeleton').read_bytes())
    _, out, _ = run_converter('ntu', ntu, tmp_path / 'store', '--dataset', 'ntu60')
    assert 'of setups that NTU RGB+D 60 does not have' in out


def test_one_file_is_an_input(ntu, tmp_path, run_converter):
    file = ntu / f'{NAME}.skeleton'
    status, out, _ = run_converter('ntu', file, tmp_path / 'store')
    assert status == 0 and '1 clips written' in out
    assert [clip.name for clip in NTUReader([file, ntu])] == [NAME]


def test_an_input_without_a_clip_tells_what_it_holds(tmp_path, run_converter):
    (tmp_path / 'ntu').mkdir()
    for name in ('s001.zip', 's018.zip', '.DS_Store'):
        (tmp_path / 'ntu' / name).touch()
    status, _, err = run_converter('ntu', tmp_path / 'ntu', tmp_path / 'store')
    assert status == 1 and 'There is no .skeleton file' in err and '2 passed over, archives' in err


def test_reasons_are_told_where_no_clip_is_usable(tmp_path):
    refused = [ClipError(f'{number}.txt:1: broken') for number in range(7)]
    reader = ListReader(*refused)
    reader.passed_over = {'not .txt': ['readme.md']}
    with pytest.raises(StoreError) as caught:
        convert(reader, tmp_path / 'store')
    lines = str(caught.value).splitlines()
    assert 'No usable clip' in lines[0] and '7 clips or sources were refused' in lines[0]
    assert lines[1:] == [
        *(f'  {number}.txt:1: broken' for number in range(5)),
        '  and 2 more',
        '1 passed over, not .txt: readme.md.',
    ]
    assert list(tmp_path.iterdir()) == []


def test_pku_resource_files_and_others_are_no_recordings(tmp_path, run_converter):
    run_converter('synthetic', tmp_path / 's', '--num-clips', '20', '--raw-pku', tmp_path / 'pku')
    _, before, _ = run_converter('pku_mmd', tmp_path / 'pku', tmp_path / 'a')
    label = next((tmp_path / 'pku' / 'label').iterdir())
    label.write_text('action,start,end,confidence\n\n' + label.read_text())
    for name in ('label/._x.txt', '__MACOSX/label/x.txt', 'Actions.txt', 'cross-view.txt'):
        (tmp_path / 'pku' / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / 'pku' / name).write_text('x')
    status, after, _ = run_converter('pku_mmd', tmp_path / 'pku', tmp_path / 'b')
    assert status == 0 and after.splitlines()[:4] == before.splitlines()[:4]
    assert '2 passed over, hidden' in after and '1 passed over, in no folder or archive named' in after
    assert '1 passed over, splits of the other phase' in after
    assert ClipStore(tmp_path / 'b').names.tolist() == ClipStore(tmp_path / 'a').names.tolist()


@pytest.mark.parametrize(
    'text',
    [
        'Training videos:\nA01-L, A02-L\nValidataion videos:\nA03-L\n',
        '\n\nTraining videos:\n\nA01-L,A02-L\n\n\nValidation videos:\n\nA03-L\n',
        'Training videos: A01-L,\nA02-L,\nTest videos: A03-L',
        'TRAINING\r\nA01-L\r\nA02-L\r\nVALIDATION\r\nA03-L',
        'Validation videos:\nA03-L\nTraining videos:\nA01-L A02-L',
    ],
)
def test_headings_and_blank_lines_of_splits(text):
    assert parse_split(text.encode(), 'x') == (['A01-L', 'A02-L'], ['A03-L'])


@pytest.mark.parametrize(
    'text, message',
    [
        ('A01-L\nA02-L', "x:1: 'A01-L' stands before the heading"),
        ('Training videos:\n\nValidation videos:\nA03-L', "no recording for 'Training videos'"),
        ('Training videos:\nA01-L\nValidation videos:\n', "no recording for 'Validation videos'"),
    ],
)
def test_splits_without_headings_or_with_an_empty_side(text, message):
    with pytest.raises(ClipError, match=message):
        parse_split(text.encode(), 'x')


@pytest.fixture
def mine(tmp_path):
    folder = tmp_path / 'mine'
    folder.mkdir()
    for number in range(12):
        np.save(folder / f'{number}.npy', clip(seed=number))
    return folder


def rows(labels):
    return ''.join(f'{number}.npy,{label},train\n' for number, label in enumerate(labels))


@pytest.mark.parametrize(
    'table',
    [
        'file,label,split\n' + rows(range(6)) + 'file,label,split\n' + '6.npy,6,train\n',
        'file,label,split\n\n , ,\n' + rows(range(7)) + '\n,,\n',
        ' file , label,split \n' + rows(range(7)) + '8.npy,,train\n',
    ],
    ids=['a head in the middle', 'blank lines', 'a row without a label'],
)
def test_tables_with_more_than_rows_keep_their_numbers(mine, table):
    (mine / 'clips.csv').write_text(table)
    reader = NpyFolderReader(mine, NTU25)
    assert reader.classes == [f'class {number}' for number in range(7)]
    assert [item.label for item in reader if not isinstance(item, ClipError)] == list(range(7))


@pytest.mark.parametrize('separator', [';', '\t', '|'])
def test_other_separators_are_told(mine, separator):
    (mine / 'clips.csv').write_text(f'file{separator}label\n0.npy{separator}a\n')
    with pytest.raises(StoreError, match='separate columns by commas'):
        NpyFolderReader(mine, NTU25)


def test_arrays_that_the_table_does_not_list_are_named_and_links_followed(mine, tmp_path, run_converter):
    (tmp_path / 'elsewhere').mkdir()
    np.save(tmp_path / 'elsewhere' / 'x.npy', clip())
    (mine / 'linked').symlink_to(tmp_path / 'elsewhere')
    (mine / 'y.npy').symlink_to(tmp_path / 'elsewhere' / 'x.npy')
    (mine / '._0.npy').touch()
    (mine / 'clips.csv').write_text('file,label\nlinked/x.npy,a\ny.npy,a\n0.npy,a\n./1.npy,a\n')
    status, out, err = run_converter('npy_folder', mine, tmp_path / 'store', '--layout', 'ntu25')
    assert (status, err) == (0, '') and '4 clips written' in out
    assert '10 passed over, not listed in clips.csv' in out and '1 passed over, hidden' in out


def test_official_arrays_that_are_not_read_are_named(tmp_path, run_converter):
    folder = tmp_path / 'xsub'
    folder.mkdir()
    data = np.stack([clip(frames=300, seed=s).transpose(2, 0, 1)[..., None] for s in range(2)])
    np.save(folder / 'train_data_joint.npy', data)
    np.save(folder / 'train_data_bone.npy', data)
    (folder / 'train_label.pkl').write_bytes(pickle.dumps((['a', 'b'], [0, 1])))
    status, out, _ = run_converter('official_arrays', folder, tmp_path / 'store')
    assert status == 0 and f'1 passed over, not arrays, labels or lengths of a side: {folder}/train_data_bone' in out


def scaled(factor):
    return [raw(f'c{number}', clip=clip(seed=number)[None] * factor) for number in range(3)]


def test_units_are_said_by_every_converter_and_kept(tmp_path):
    report = convert(ListReader(*scaled(1000)), tmp_path / 'store')
    assert len(report.warnings) == 1 and 'cannot be metres' in report.warnings[0]
    assert json.loads((tmp_path / 'store' / 'conversion.json').read_text())['warnings'] == report.warnings
    assert convert(ListReader(*scaled(1)), tmp_path / 'other').warnings == []


def test_units_and_scores_are_said_on_standard_error(mine, tmp_path, run_converter):
    for number in range(12):
        np.save(mine / f'{number}.npy', clip(seed=number) * 1000)
    (mine / 'clips.csv').write_text('file,label\n' + ''.join(f'{number}.npy,a\n' for number in range(12)))
    status, _, err = run_converter('npy_folder', mine, tmp_path / 'a', '--layout', 'ntu25')
    assert status == 0 and err.startswith(f'warning: {tmp_path}/a: bodies are ') and 'millimetres' in err
    score = np.random.default_rng(0).uniform(0.1, 1, (1, 6, 17))
    item = dict(
        frame_dir='x',
        label=0,
        total_frames=6,
        keypoint=np.random.default_rng(1).uniform(0, 300, (1, 6, 17, 2)),
        keypoint_score=score,
        img_shape=(300, 300),
    )
    (tmp_path / 'p.pkl').write_bytes(pickle.dumps([item]))
    _, _, err = run_converter('pyskl', tmp_path / 'p.pkl', tmp_path / 'b')
    assert 'scores of 2D keypoints' in err
    _, _, err = run_converter('pyskl', tmp_path / 'p.pkl', tmp_path / 'c', '--third', 'zero')
    assert err == ''
