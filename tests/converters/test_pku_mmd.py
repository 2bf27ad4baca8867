import os
import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmskelssl.converters.base import RawClip
from mmskelssl.converters.convert import convert
from mmskelssl.converters.pku_mmd import ACTIONS, PKUMMDReader, files, write_pku_tree
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.utils.errors import ClipError, StoreError

SUBJECT, VIEW = 'cross_subject_v2.txt', 'cross_view_v2.txt'

ROOT = Path(__file__).parents[2]


def body(seed, persons=1, frames=6):
    return np.random.default_rng(seed).normal(size=(persons, frames, 25, 3)).astype(np.float32)


RECORDINGS = {
    'A01N01-L': [RawClip('first', 0, body(0)), RawClip('second', 50, body(1, 2, 9))],
    'A01N01-R': [RawClip('third', 7, body(2, 1, 1))],
    'A02N02-L': [RawClip('fourth', 50, body(3)), RawClip('fifth', 3, body(4, 2, 3)), RawClip('sixth', 4, body(5))],
}


@pytest.fixture
def tree(tmp_path):
    write_pku_tree(tmp_path / 'raw', RECORDINGS, {SUBJECT: ['A01N01-L', 'A01N01-R'], VIEW: ['A01N01-L', 'A02N02-L']})
    return tmp_path / 'raw'


@pytest.fixture
def run(run_converter, tmp_path):
    """Runs the converter on ``raw``."""
    return partial(run_converter, 'pku_mmd', tmp_path / 'raw', tmp_path / 'store')


def edit(file, line, change):
    """Applies ``change`` to a line of a file, counted from 1."""
    lines = file.read_text().splitlines()
    lines[line - 1] = change(lines[line - 1])
    file.write_text('\n'.join(lines) + '\n')


def outcomes(tree, **options):
    """Names of the clips that can be read, and the errors."""
    found = list(PKUMMDReader([tree], **options))
    clips = [outcome.name for outcome in found if isinstance(outcome, RawClip)]
    return clips, [str(outcome).replace(f'{tree}/', '') for outcome in found if isinstance(outcome, ClipError)]


def test_labelled_ranges_become_clips(tree, tmp_path):
    report = convert(PKUMMDReader([tree]), tmp_path / 'store')
    store = ClipStore(tmp_path / 'store')
    assert store.names.tolist() == ['A01N01-L_0', 'A01N01-L_1', 'A01N01-R_0', 'A02N02-L_0', 'A02N02-L_1', 'A02N02-L_2']
    clips = [raw for recording in RECORDINGS.values() for raw in recording]
    assert store.labels.tolist() == [raw.label for raw in clips]
    for index, raw in enumerate(clips):
        np.testing.assert_array_equal(store[index], raw.clip)
    assert store.layout == NTU25 and store.classes == list(ACTIONS) and len(set(ACTIONS)) == 51
    assert store.attributes['recording'].tolist()[1:3] == ['A01N01-L', 'A01N01-R']
    assert store.attributes['view'].tolist() == ['L', 'L', 'R', 'L', 'L', 'L']
    assert store.attributes['start'].tolist() == [0, 11, 0, 0, 11, 19]
    assert store.attributes['stop'].tolist() == [6, 20, 1, 6, 14, 25]
    assert store.source == dict(
        dataset='PKU-MMD', phase=2, paths=[str(tree)], ranges='half-open', skipped=0, repaired=0
    ), 'a store says how its ranges were read'
    assert {name: index.tolist() for name, index in store.splits.items()} == dict(
        xsub_train=[0, 1, 2], xsub_test=[3, 4, 5], xview_train=[0, 1, 3, 4, 5], xview_test=[2]
    )
    assert report.skipped == report.repaired == []


def test_both_readings_of_a_range(tree):
    # The same frames, told in the other way.
    for file in (tree / 'label').iterdir():
        for line in range(1, len(file.read_text().splitlines()) + 1):
            edit(
                file,
                line,
                lambda text: '{},{},{},{}'.format(*(int(x) + (i == 1) for i, x in enumerate(text.split(',')))),
            )
    inclusive = list(PKUMMDReader([tree], ranges='inclusive'))
    assert [raw.clip.shape[1] for raw in inclusive] == [6, 9, 1, 6, 3, 6]
    np.testing.assert_array_equal(inclusive[1].clip, RECORDINGS['A01N01-L'][1].clip)
    clips, errors = outcomes(tree)
    assert len(clips) == 5 and 'A01N01-R_0' not in clips
    assert errors == ['label/A01N01-R.txt:1: range 1 to 1 is empty or reversed (half-open ranges)']


def test_phase_one_has_names_of_its_own(tree):
    with pytest.raises(StoreError, match=r'the splits of phase 1 .* are not there\. Those of the other phase'):
        PKUMMDReader([tree], phase=1)
    (tree / SUBJECT).rename(tree / 'cross-subject.txt')
    (tree / VIEW).rename(tree / 'cross_view.txt')
    reader = PKUMMDReader([tree], phase=1)
    assert set(reader.splits([])) == {'xsub_train', 'xsub_test', 'xview_train', 'xview_test'}
    assert len(list(reader)) == 6


def test_folders_as_distributed(tree):
    """Archives of recordings, labels and splits, unpacked beside each other."""
    expected = outcomes(tree)
    for old, new in (('skeleton', 'Data/Skeleton_v2'), ('label', 'Label_PKUMMD_v2'), (SUBJECT, f'Split/{SUBJECT}')):
        (tree / new).parent.mkdir(exist_ok=True)
        (tree / old).rename(tree / new)
    (tree / 'Readme.txt').write_text('not of the set')
    assert outcomes(tree) == expected and len(expected[0]) == 6


@pytest.mark.parametrize(
    'change', [lambda data: b'\xef\xbb\xbf' + data, lambda data: data.replace(b'\n', b'\r\n'), bytes.rstrip]
)
def test_text_of_other_systems_is_the_same(tree, change):
    expected = [raw.clip for raw in PKUMMDReader([tree])]
    for file in tree.rglob('*.txt'):
        file.write_bytes(change(file.read_bytes()))
    reader = PKUMMDReader([tree])
    for raw, clip in zip(reader, expected, strict=True):
        np.testing.assert_array_equal(raw.clip, clip)
    assert all(reader.splits(list(reader)).values())


def test_bodies_that_come_later_keep_their_place(tree):
    edit(tree / 'skeleton' / 'A01N01-L.txt', 1, lambda text: ' '.join(['0'] * 75 + text.split()[:75]))
    first = next(iter(PKUMMDReader([tree])))
    assert first.clip.shape == (2, 6, 25, 3)
    assert not first.clip[0, 0].any() and not first.clip[1, 1:].any()
    np.testing.assert_array_equal(first.clip[1, 0], RECORDINGS['A01N01-L'][0].clip[0, 0])


BAD_LABELS = {
    '1,0,27,2': 'the range ends at frame 27, but skeleton/A01N01-L.txt has 25',
    '1,900,1000,2': 'the range ends at frame 1000, but skeleton/A01N01-L.txt has 25',
    '1,4,2,2': 'range 4 to 2 is empty or reversed (half-open ranges)',
    '1,4,4,2': 'range 4 to 4 is empty or reversed (half-open ranges)',
    '1,-1,4,2': 'range -1 to 4 begins before the recording (half-open ranges)',
    '0,0,4,2': 'action 0 is not in the range 1 to 51',
    '52,0,4,2': 'action 52 is not in the range 1 to 51',
    '1,0,4': "3 fields where a label has 4 (action, start, end, confidence): '1,0,4'",
    '1,0,4,2,9': "5 fields where a label has 4 (action, start, end, confidence): '1,0,4,2,9'",
    '1,zero,4,2': "'zero' is not a finite number",
    '1,0,nan,2': "'nan' is not a finite number",
    '1,0,inf,2': "'inf' is not a finite number",
    '1,0,4.5,2': '4.5 is not a whole number',
    '1,1e300,1e301,2': '1e+300 is not a whole number',
    '1,0,1e12,2': 'the range ends at frame 1e+12, but skeleton/A01N01-L.txt has 25',
    '1,0,1_0,2': "'1_0' is not a finite number",
    '\x00\x01': "1 fields where a label has 4 (action, start, end, confidence): '\\x00\\x01'",
}


@pytest.mark.parametrize('line, message', BAD_LABELS.items())
def test_bad_labels_are_named_and_the_others_read(tree, line, message):
    edit(tree / 'label' / 'A01N01-L.txt', 1, lambda _: line)
    clips, errors = outcomes(tree)
    assert errors == [f'label/A01N01-L.txt:1: {message}']
    assert clips == ['A01N01-L_1', 'A01N01-R_0', 'A02N02-L_0', 'A02N02-L_1', 'A02N02-L_2']


BAD_FRAMES = {
    'text': (lambda text: text.replace(text.split()[3], 'x', 1), "2: 'x' is not a number"),
    'column too few': (
        lambda text: text.rsplit(' ', 1)[0],
        '2: 149 numbers where a frame has 150 (2 bodies of 25 joints)',
    ),
    'column too many': (lambda text: text + ' 1', '2: 151 numbers where a frame has 150 (2 bodies of 25 joints)'),
    'empty line': (lambda text: '', '2: 0 numbers where a frame has 150 (2 bodies of 25 joints)'),
    'commas': (lambda text: text.replace(' ', ','), '2: 1 numbers where a frame has 150 (2 bodies of 25 joints)'),
    'binary': (lambda text: '\x00\x07\x9f', '2: 1 numbers where a frame has 150 (2 bodies of 25 joints)'),
}


@pytest.mark.parametrize('change, message', BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_a_bad_line_leaves_its_recording_out(tree, change, message):
    edit(tree / 'skeleton' / 'A01N01-L.txt', 2, change)
    clips, errors = outcomes(tree)
    assert errors == [f'skeleton/A01N01-L.txt:{message}; its 2 labelled clip(s) are left out']
    assert clips == ['A01N01-R_0', 'A02N02-L_0', 'A02N02-L_1', 'A02N02-L_2']


@pytest.mark.parametrize('value', ['nan', 'inf', '-inf', '1e999'])
def test_coordinates_that_are_none_leave_their_clip_out(tree, value):
    edit(tree / 'skeleton' / 'A01N01-L.txt', 13, lambda text: ' '.join([value, *text.split()[1:]]))
    clips, errors = outcomes(tree)
    assert errors == ['label/A01N01-L.txt:2: skeleton/A01N01-L.txt:13: NaN or infinite coordinates']
    assert 'A01N01-L_0' in clips and 'A01N01-L_1' not in clips and len(clips) == 5


def test_a_range_without_anybody(tree):
    for line in (1, 2, 3, 4, 5, 6):
        edit(tree / 'skeleton' / 'A01N01-L.txt', line, lambda text: ' '.join(['0'] * 150))
    clips, errors = outcomes(tree)
    assert errors == ['label/A01N01-L.txt:1: skeleton/A01N01-L.txt:1: nobody is tracked from here to line 6']
    assert len(clips) == 5


@pytest.mark.parametrize('content', [b'', b'\n \r\n', b'\xef\xbb\xbf'])
@pytest.mark.parametrize('folder', ['skeleton', 'label'])
def test_empty_files(tree, folder, content):
    (tree / folder / 'A01N01-L.txt').write_bytes(content)
    clips, (error,) = outcomes(tree)
    assert error.startswith(f'{folder}/A01N01-L.txt: the file is empty') and len(clips) == 4


def test_a_recording_that_was_cut_off(tree):
    file = tree / 'skeleton' / 'A02N02-L.txt'
    file.write_bytes(file.read_bytes()[:-400])
    clips, (error,) = outcomes(tree)
    assert len(clips) == 3 and error.startswith('skeleton/A02N02-L.txt:30: ') and '3 labelled' in error


def test_recordings_without_labels_and_labels_without_recordings(tree):
    (tree / 'label' / 'A01N01-L.txt').unlink()
    (tree / 'skeleton' / 'A02N02-L.txt').rename(tree / 'skeleton' / 'A09N09-L.txt')
    clips, errors = outcomes(tree)
    assert clips == ['A01N01-R_0']
    assert errors == [
        f"{SUBJECT}: names 'A02N02-L', but there is no such recording",
        f"{SUBJECT}: does not name 'A09N09-L': their clips are in neither part of the split",
        f"{VIEW}: names 'A02N02-L', but there is no such recording",
        f"{VIEW}: does not name 'A09N09-L': their clips are in neither part of the split",
        'recording A01N01-L needs a file of labels A01N01-L.txt, but there is none',
        'recording A02N02-L needs a file of coordinates A02N02-L.txt, but there is none; '
        'its 3 labelled clip(s) are left out',
        'recording A09N09-L needs a file of labels A09N09-L.txt, but there is none',
    ]


def test_a_recording_under_one_name_twice(tree):
    (tree / 'skeleton_again').mkdir()
    (tree / 'skeleton_again' / 'A01N01-R.txt').write_bytes((tree / 'skeleton' / 'A01N01-R.txt').read_bytes())
    clips, (error,) = outcomes(tree)
    assert 'but there are several: skeleton/A01N01-R.txt, skeleton_again/A01N01-R.txt' in error
    assert len(clips) == 5


def test_splits_that_name_absent_recordings(tree):
    edit(tree / SUBJECT, 2, lambda text: f'{text}, A07N01-L, A07N02-L,A07N03-L A07N04-L')
    clips, errors = outcomes(tree)
    assert len(clips) == 6
    assert errors == [f"{SUBJECT}: names 'A07N01-L', 'A07N02-L', 'A07N03-L' and 1 more, but there is no such recording"]


@pytest.mark.parametrize(
    'content, message',
    [
        (b'', f'{SUBJECT}: the file is empty'),
        (b'Training\nA01N01-L', f"{SUBJECT}: there is no recording for 'Validation videos'"),
        (b'Training\nA01N01-L\nValidation\nA01N01-R, A01N01-L', "'A01N01-L' for training and for validation"),
    ],
)
def test_unusable_splits(tree, content, message):
    (tree / SUBJECT).write_bytes(content)
    with pytest.raises(StoreError, match=message):
        PKUMMDReader([tree])


def test_unusable_folders(tree, tmp_path):
    with pytest.raises(StoreError, match='does not exist'):
        PKUMMDReader([tmp_path / 'nowhere'])
    with pytest.raises(StoreError, match='there is no folder or archive named skeleton '):
        PKUMMDReader([tree / 'label'])
    (tree / SUBJECT).unlink()
    (tree / VIEW).unlink()
    with pytest.raises(StoreError, match='the splits of phase 2 .* are not there.$'):
        PKUMMDReader([tree])


def test_files_without_bound_are_not_read(tree, monkeypatch):
    monkeypatch.setattr('mmskelssl.converters.pku_mmd.reader.MAX_BYTES', 10_000)
    clips, errors = outcomes(tree)
    assert clips == ['A01N01-R_0']
    assert all('bytes are more than the 10000' in error and error.startswith('skeleton/') for error in errors)
    assert len(errors) == 2


def archived(tree, archives):
    """The tree's files in zip archives instead: name of each to what of the tree is in it."""
    for name, members in archives.items():
        with zipfile.ZipFile(tree.parent / name, 'w') as archive:
            for file in sorted(tree.rglob('*.txt')):
                inner = file.relative_to(tree).as_posix()
                if any(inner.startswith(member) for member in members):
                    archive.write(file, inner if len(archives) == 1 else file.name)
            archive.writestr('__MACOSX/skeleton/._A01N01-L.txt', b'junk')
    return [tree.parent / name for name in archives]


@pytest.mark.parametrize(
    'archives',
    [
        {'all.zip': ['']},
        {'Skeleton_v2.zip': ['skeleton'], 'Label_PKUMMD_v2.zip': ['label'], 'splits.zip': ['cross']},
    ],
)
def test_zip_archives(tree, archives):
    expected = list(PKUMMDReader([tree]))
    reader = PKUMMDReader(archived(tree, archives))
    for raw, other in zip(reader, expected, strict=True):
        assert raw.name == other.name and raw.attributes == other.attributes
        np.testing.assert_array_equal(raw.clip, other.clip)
    assert reader.splits(expected) == PKUMMDReader([tree]).splits(expected)


# Fuzzing


@given(st.binary(max_size=600) | st.text('0123456789.-+einfa ,\n\r\t', max_size=600).map(str.encode))
@settings(max_examples=300, deadline=None)
def test_no_bytes_are_more_than_an_error(data):
    for parse in (files.parse_recording, files.parse_split):
        try:
            parse(data, 'here')
        except ClipError as error:
            assert str(error).startswith('here:')
    for line in data.decode('utf-8', errors='replace').splitlines():
        try:
            label = files.parse_label(line, 'inclusive')
        except ClipError:
            continue
        assert 0 <= label.label < 51 and 0 <= label.start < label.stop


LINE = b' '.join(b'%.3f' % number for number in np.arange(150) / 10)
RECORDING = (LINE + b'\n') * 5


@given(st.integers(0, len(RECORDING)), st.integers(0, 20), st.binary(max_size=5))
@settings(max_examples=200, deadline=None)
def test_a_damaged_recording_is_refused_or_has_the_other_numbers(position, length, junk):
    damaged = RECORDING[:position] + junk + RECORDING[position + length :]
    try:
        recording = files.parse_recording(damaged, 'here')
    except ClipError as error:
        assert str(error).startswith('here:')
    else:
        assert recording.shape[0] == 2 and recording.shape[2:] == (25, 3)
        # As a slow reading gives them.
        numbers = damaged.decode('utf-8-sig').split()
        np.testing.assert_array_equal(recording.swapaxes(0, 1).ravel(), np.array(numbers, np.float32))


# The converter


def test_the_converter_skips_and_reports(tree, run, tmp_path):
    edit(tree / 'label' / 'A01N01-L.txt', 1, lambda text: '52,0,4,2')
    status, out, err = run()
    assert status == 0
    assert '5 clips written; splits: xsub_train 2, xsub_test 3, xview_train 4, xview_test 1.' in out
    assert '1 clips skipped:' in out and f'{tree}/label/A01N01-L.txt:1: action 52 is not in the range 1 to 51' in out
    assert 'partial data set: split xsub_train has 2 clips, the published set 5332.' in err
    assert 'partial data set: split xsub_test has 3 clips, the published set 1613.' in err
    assert len(ClipStore(tmp_path / 'store')) == 5


def test_the_converter_takes_phase_and_ranges(tree, run, tmp_path):
    status, _, err = run('--phase', '1')
    assert status == 1 and 'choose it by --phase' in err
    (tree / SUBJECT).rename(tree / 'cross-subject.txt')
    edit(tree / 'label' / 'A01N01-L.txt', 1, lambda text: '1,1,6,2')
    edit(tree / 'label' / 'A01N01-R.txt', 1, lambda text: '8,1,1,2')
    status, out, err = run('--phase', '1', '--ranges', 'inclusive', '--dtype', 'float16')
    assert status == 0 and 'partial' not in err
    store = ClipStore(tmp_path / 'store')
    assert store.source['phase'] == 1 and store.source['ranges'] == 'inclusive' and store.frames.dtype == np.float16
    assert store.num_frames[store.names.tolist().index('A01N01-R_0')] == 1


TRAIN = f"""
_base_ = '{ROOT}/configs/cmd/cmd_bigru_1xb256-1000e_pku-mmd2-xsub.py'
model = dict(backbone=dict(hidden_channels=8), modalities=['joint'], queue_size=32, feat_dim=4, num_neighbors=8)
train_dataloader = dict(batch_size=16, num_workers=0, persistent_workers=False)
val_dataloader = dict(num_workers=0)
val_cfg = dict(gallery_dataloader=dict(num_workers=0))
train_cfg = dict(max_epochs=1, val_interval=1)
"""


@pytest.mark.slow
def test_from_raw_files_to_a_trained_model(tmp_path, monkeypatch, run_converter):
    """Synthetic raw files, converted and trained on by the tools with the shipped config of the data set."""
    monkeypatch.chdir(tmp_path)
    assert run_converter('synthetic', 'synthetic', '--num-clips', 60, '--raw-pku', 'raw')[0] == 0
    status, out, _ = run_converter('pku_mmd', 'raw', 'data/pku_mmd2')
    assert status == 0 and '60 clips written' in out
    made, given = ClipStore('data/pku_mmd2'), ClipStore('synthetic')
    assert sorted(made[i].tobytes() for i in range(60)) == sorted(given[i].tobytes() for i in range(60))
    for name in ('xsub_train', 'xsub_test', 'xview_train', 'xview_test'):
        assert len(made.split(name)) == len(given.split(name))

    Path('train.py').write_text(TRAIN)
    result = subprocess.run(
        [sys.executable, ROOT / 'tools' / 'train.py', 'train.py', '--work-dir', 'work'],
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert Path('work', 'epoch_1.pth').exists()
    assert len(list(Path('data', 'pku_mmd2', 'cache').glob('normalized-*.bin'))) == 1
