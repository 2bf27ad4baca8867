import tarfile
from functools import partial

import numpy as np
import pytest

from mmskelssl.converters.shrec17 import SHREC17Reader
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.layouts import HAND22
from mmskelssl.utils.errors import StoreError

# (gesture, finger, subject, trial): (side, frames)
GOOD = {(1, 1, 2, 1): ('train', 5), (14, 2, 28, 13): ('test', 1), (3, 2, 4, 1): ('train', 9)}
NAMES = ['g01_f1_s02_e01', 'g03_f2_s04_e01', 'g14_f2_s28_e13']


def rows(frames=5, seed=0, columns=66):
    return np.random.default_rng(seed).random((frames, columns)).round(5)


def text(table):
    return ''.join(' '.join(f'{value:g}' for value in row) + '\n' for row in table)


def place(key):
    return 'gesture_{}/finger_{}/subject_{}/essai_{}'.format(*key)


def entry(key, frames, labels=None):
    labels = labels or (key[0], 2 * key[0] - 2 + key[1])
    return ' '.join(map(str, [*key, *labels, frames]))


def write(folder, files=(), lines=(), sides=('train', 'test')):
    """The good clips, and more files and lines of the training list."""
    clips = {place(key): text(rows(frames, seed=frames)) for key, (_, frames) in GOOD.items()}
    for name, content in {**clips, **dict(files)}.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / 'skeletons_world.txt').write_text(content)
        (folder / name / 'skeletons_image.txt').write_text('other data of the set')
    for side in sides:
        listed = [entry(key, frames) for key, (of, frames) in GOOD.items() if of == side]
        (folder / f'{side}_gestures.txt').write_text('\n'.join([*listed, *(lines if side == 'train' else [])]) + '\n')
    return folder


@pytest.fixture
def convert(run_converter):
    return partial(run_converter, 'shrec17')


def test_clip_is_what_the_file_says(tmp_path):
    folder = write(tmp_path / 'set')
    reader = SHREC17Reader(folder)
    clips = {raw.name: raw for raw in reader}
    assert list(clips) == NAMES and reader.layout == HAND22 and len(reader.classes) == 14
    raw = clips['g03_f2_s04_e01']
    assert reader.classes[raw.label] == 'expand'
    assert raw.attributes == dict(performer=4, finger=2, trial=1, side='train')
    assert raw.clip.shape == (1, 9, 22, 3) and raw.clip.dtype == np.float32
    np.testing.assert_array_equal(raw.clip[0, 8, 21], rows(9, seed=9)[8, 63:].astype(np.float32))
    fine = {raw.name: raw for raw in SHREC17Reader(folder, 28)}
    assert [fine[name].label for name in NAMES] == [0, 5, 27]
    assert SHREC17Reader(folder, 28).classes[5] == 'expand, whole hand'


def test_archive_and_folder_give_the_same_store(tmp_path, convert):
    folder = write(tmp_path / 'set' / 'datasetShrec')
    with tarfile.open(tmp_path / 'SHREC17.tar.xz', 'w:xz') as archive:
        archive.add(folder, 'datasetShrec')
    for src, out in ((tmp_path / 'set', 'a'), (tmp_path / 'SHREC17.tar.xz', 'b')):
        status, out, err = convert(src, tmp_path / out, '--classes', 28)
        assert status == 0 and 'split train has 2 clips, the published set 1960' in err
    a, b = ClipStore(tmp_path / 'a'), ClipStore(tmp_path / 'b')
    assert a.names.tolist() == b.names.tolist() == NAMES and a.labels.tolist() == b.labels.tolist() == [0, 5, 27]
    np.testing.assert_array_equal(a.frames, b.frames)
    assert a.split('train').tolist() == [0, 1] and a.split('test').tolist() == [2]


def test_every_fault_is_named_and_the_other_clips_kept(tmp_path, convert):
    bad = {
        (15, 1, 1, 1): (text(rows()), entry((15, 1, 1, 1), 5), 'there is no gesture 15 with finger 1'),
        (2, 3, 1, 1): (text(rows()), entry((2, 3, 1, 1), 5), 'there is no gesture 2 with finger 3'),
        (2, 1, 1, 1): ('', entry((2, 1, 1, 1), 5), 'the file is empty'),
        (2, 1, 1, 2): (
            text(rows(columns=63)),
            entry((2, 1, 1, 2), 5),
            ':1: 63 numbers where a frame has 66 (22 joints)',
        ),
        (2, 1, 1, 3): (text(rows(4)), entry((2, 1, 1, 3), 5), 'train_gestures.txt:7 says 5'),
        (2, 1, 1, 4): (
            text(rows()),
            entry((2, 1, 1, 4), 5, (3, 3)),
            'labels 3 and 3, but gesture 2 with finger 1 has 2',
        ),
        (2, 1, 1, 6): (None, entry((2, 1, 1, 6), 5), f'there is no {place((2, 1, 1, 6))}/skeletons_world.txt'),
        (2, 1, 1, 7): (text(rows()), '\n'.join([entry((2, 1, 1, 7), 5)] * 2), 'comes twice'),
        (2, 1, 1, 8): ('nan ' * 65 + '1', entry((2, 1, 1, 8), 1), 'NaN'),
    }
    lines = [line for _, line, _ in bad.values() if line] + ['1 2 three', '1 1 1 1 1 1 five']
    files = {place(key): content for key, (content, _, _) in bad.items() if content is not None}
    others = {'gesture_1/finger_1/subject_x/essai_1': text(rows()), place((2, 1, 1, 5)): text(rows())}
    write(tmp_path / 'set', {**files, **others}, lines)
    status, out, _ = convert(tmp_path / 'set', tmp_path / 'store')
    assert status == 0 and '4 clips written; splits: train 3, test 1.' in out  # one that is listed twice
    skipped = [line for line in out.splitlines() if line.startswith('  ') and 'passed over' not in line]
    assert f'{len(GOOD) + 12} passed over, neither lists nor coordinates of a listed clip' in out
    assert len(skipped) == len(bad) + 2
    for _, _, message in bad.values():
        assert sum(message in line for line in skipped) == 1, message
    assert sum('not 7 whole numbers' in line for line in skipped) == 2


@pytest.mark.parametrize('side', ['train', 'test'])
def test_both_lists_are_needed(tmp_path, side):
    write(tmp_path / 'set', sides=[side])
    other = dict(train='test', test='train')[side]
    with pytest.raises(StoreError, match=f'holds {other}_gestures.txt 0 times: it is needed once'):
        SHREC17Reader(tmp_path / 'set')
    (tmp_path / 'set' / f'{other}_gestures.txt').write_text('')
    with pytest.raises(StoreError, match=f'{other}_gestures.txt: the file is empty: the official split is needed'):
        SHREC17Reader(tmp_path / 'set')


def test_folder_without_clips(tmp_path):
    with pytest.raises(StoreError, match='holds no gesture_G/finger_F/subject_S/essai_E/skeletons_world.txt'):
        SHREC17Reader(tmp_path)


@pytest.mark.shared
def test_the_real_set(shared, check_draws):
    archive = shared / 'data' / 'shrec17' / 'SHREC17.tar.xz'
    readers = [SHREC17Reader(archive, num_classes) for num_classes in (14, 28)]
    clips = list(readers[0])
    assert len(clips) == 2800 and not any(isinstance(clip, Exception) for clip in clips)
    lengths = [clip.clip.shape[1] for clip in clips]
    assert (min(lengths), np.median(lengths), max(lengths)) == (7, 57, 171)
    assert np.bincount([clip.label for clip in clips]).tolist() == [200] * 14
    splits = readers[0].splits(clips)
    assert {name: len(index) for name, index in splits.items()} == dict(train=1960, test=840)
    performers = [{clips[i].attributes['performer'] for i in splits[side]} for side in ('train', 'test')]
    assert [len(side) for side in performers] == [20, 8] and not performers[0] & performers[1]
    first = next(clip for clip in clips if clip.name == 'g01_f1_s01_e01')
    np.testing.assert_allclose(first.clip[0, 0, 0], [0.49394463, -0.41033334, 0.591467], rtol=0, atol=1e-7)
    # Swipes go where their names say: +y is up, +x is right.
    moves = {
        name: np.median(
            [np.ptp(c.clip.mean(axis=2)[0], axis=0) for c in clips if readers[0].classes[c.label] == name], 0
        )
        for name in ('swipe right', 'swipe up')
    }
    assert moves['swipe right'].argmax() == 0 and moves['swipe up'].argmax() == 1
    rises = {
        name: np.median(
            [(c.clip[0, -1] - c.clip[0, 0]).mean(axis=0) for c in clips if readers[0].classes[c.label] == name], 0
        )
        for name in ('swipe right', 'swipe left', 'swipe up', 'swipe down')
    }
    assert rises['swipe right'][0] > 0 > rises['swipe left'][0] and rises['swipe up'][1] > 0 > rises['swipe down'][1]
    # Fingers are chains of short bones, from base to tip.
    joints = np.concatenate([clip.clip[0] for clip in clips])
    lengths = [np.linalg.norm(joints[:, v] - joints[:, p], axis=-1).mean() for v, p in HAND22.bones]
    assert max(length for (v, p), length in zip(HAND22.bones, lengths, strict=True) if p) < 0.05
    fine = [readers[1].outcomes(i)[0] for i in range(2800)]
    for prefix, labelled in (('shrec17', clips), ('shrec17_28', fine)):
        check_draws(f'{prefix}_train', {labelled[i].name: labelled[i].label for i in splits['train']})
    assert np.bincount([clip.label for clip in fine]).tolist() == [100] * 28
