import io
import tarfile
from functools import partial

import numpy as np
import pytest
from scipy.io import savemat

from mmskelssl.converters.utd_mhad import ACTIONS, UTDMHADReader
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.layouts import UTD20
from mmskelssl.utils.errors import StoreError

GOOD = {'a3_s1_t2': 5, 'a27_s8_t4': 1, 'a10_s3_t1': 9}
# The head and the right foot in the first frame of the first clip of the real set.
KNOWN = [[-0.045763, 0.483985, 2.830189], [0.098265, -1.081334, 2.922989]]


def skeletons(frames=5, joints=20, seed=0):
    return np.random.default_rng(seed).standard_normal((joints, 3, frames))


def mat(key='d_skel', compressed=False, **arrays):
    file = io.BytesIO()
    savemat(file, arrays or {key: skeletons()}, do_compression=compressed)
    return file.getvalue()


def with_nan():
    clip = skeletons()
    clip[3, 1, 2] = np.nan
    return clip


BAD = {
    'b1_s1_t1': (mat(), 'the path does not end in aA_sS_tT_skeleton.mat'),
    'a1_s1_t1_copy': (mat(), 'the path does not end in aA_sS_tT_skeleton.mat'),
    'a28_s1_t1': (mat(), 'action 28 is not one of 1, 2, 3'),
    'a0_s1_t1': (mat(), 'action 0 is not one of'),
    'a1_s9_t1': (mat(), 'performer 9 is not one of 1, 2, 3, 4, 5, 6, 7, 8'),
    'a1_s1_t1': (b'', 'is not a whole MATLAB file'),
    'a1_s1_t2': (mat()[:-200], 'is not a whole MATLAB file'),
    'a1_s1_t3': (b'\x89HDF\r\n\x1a\n' + bytes(600), 'is not a whole MATLAB file'),
    'a1_s1_t4': (mat(compressed=True)[:300], 'is not a whole MATLAB file'),
    'a2_s1_t1': (mat(key='other'), 'has no array d_skel'),
    'a2_s1_t2': (mat(d_skel='text'), 'd_skel is '),
    'a2_s1_t3': (mat(d_skel=skeletons(joints=25)), 'd_skel is float64(25, 3, 5), not an array of numbers (20, 3, T)'),
    'a2_s1_t4': (mat(d_skel=skeletons().transpose(2, 0, 1)), 'not an array of numbers (20, 3, T)'),
    'a3_s1_t1': (mat(d_skel=with_nan()), 'NaN'),
    'a3_s1_t3': (mat(d_skel=np.zeros((20, 3, 4))), 'all zero'),
    'a3_s1_t4': (mat(d_skel=1e300 * skeletons()), 'NaN, infinite'),
    'a4_s1_t1': (mat(d_skel={'field': 1.0}), 'd_skel is '),
    'a4_s1_t2': (mat(d_skel=np.array([['a', 1.0]], object)), 'd_skel is '),
}


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f'{name}_skeleton.mat').write_bytes(content)
    return folder


def good():
    return {name: mat(d_skel=skeletons(frames, seed=frames)) for name, frames in GOOD.items()}


@pytest.fixture
def convert(run_converter):
    return partial(run_converter, 'utd_mhad')


def test_clip_is_what_the_file_says(tmp_path):
    reader = UTDMHADReader(write(tmp_path / 'set', good()))
    clips = {raw.name: raw for raw in reader}
    assert set(clips) == set(GOOD) and reader.layout == UTD20 and len(reader.classes) == 27
    raw = clips['a3_s1_t2']
    assert reader.classes[raw.label] == 'wave' and raw.attributes == dict(performer=1, trial=2)
    assert raw.clip.shape == (1, 5, 20, 3) and raw.clip.dtype == np.float32
    np.testing.assert_array_equal(raw.clip[0, 4, 7], skeletons(seed=5)[7, :, 4].astype(np.float32))
    assert clips['a27_s8_t4'].clip.shape == (1, 1, 20, 3) and ACTIONS[26] == 'squat'


def test_archive_and_folder_give_the_same_store(tmp_path, convert):
    folder = write(tmp_path / 'set' / 'Skeleton', good())
    (folder / 'a1_s1_t1_inertial.mat').write_bytes(b'other data of the set')
    with tarfile.open(tmp_path / 'Skeleton.tar.gz', 'w:gz') as archive:
        archive.add(folder, 'Skeleton')
    for src, out in ((tmp_path / 'set', 'a'), (tmp_path / 'Skeleton.tar.gz', 'b')):
        assert convert(src, tmp_path / out)[0] == 0
    a, b = ClipStore(tmp_path / 'a'), ClipStore(tmp_path / 'b')
    assert a.names.tolist() == b.names.tolist() == sorted(GOOD)
    np.testing.assert_array_equal(a.frames, b.frames)
    assert a.labels.tolist() == b.labels.tolist() == [9, 26, 2]
    assert a.split('xsub_train').tolist() == [0, 2] and a.split('xsub_test').tolist() == [1]


def test_every_bad_file_is_skipped_by_name_and_the_others_kept(tmp_path, convert):
    write(tmp_path / 'set', {**good(), **{name: content for name, (content, _) in BAD.items()}})
    status, out, err = convert(tmp_path / 'set', tmp_path / 'store')
    assert status == 0 and '3 clips written; splits: xsub_train 2, xsub_test 1.' in out
    assert f'{len(BAD)} clips skipped:' in out
    lines = [line for line in out.splitlines() if line.startswith('  ')]
    assert len(lines) == len(BAD)
    for name, (_, message) in BAD.items():
        (line,) = [line for line in lines if f'/{name}_skeleton.mat' in line]
        assert message in line
    assert ClipStore(tmp_path / 'store').names.tolist() == sorted(GOOD)
    assert 'partial data set: split xsub_train has 2 clips, the published set 431' in err


def test_folder_without_clips(tmp_path):
    with pytest.raises(StoreError, match='There is no aA_sS_tT_skeleton.mat in'):
        UTDMHADReader(tmp_path)


@pytest.mark.shared
def test_the_real_set(shared, tmp_path, convert, check_draws):
    status, out, err = convert(shared / 'data' / 'utd_mhad' / 'Skeleton.tar.gz', tmp_path / 'store')
    assert status == 0 and 'warning' not in err
    assert '861 clips written; splits: xsub_train 431, xsub_test 430.' in out and '0 clips skipped.' in out
    store = ClipStore(tmp_path / 'store')
    assert (store.num_frames.min(), np.median(store.num_frames), store.num_frames.max()) == (41, 67, 125)
    assert set(np.bincount(store.labels)) == {31, 32} and len(store.classes) == 27
    sides = [set(store.attributes['performer'][store.split(f'xsub_{side}')].tolist()) for side in ('train', 'test')]
    assert sides == [{1, 3, 5, 7}, {2, 4, 6, 8}]
    train = store.split('xsub_train')
    check_draws('utd_mhad_xsub_train', dict(zip(store.names[train], store.labels[train], strict=True)))
    clip = store[store.names.tolist().index('a1_s1_t1')]
    np.testing.assert_allclose(clip[0, 0, [0, 19]], KNOWN, rtol=0, atol=1e-6)
    # The layout: heads above hips above feet, the right arm waves, and limbs keep their length.
    median = np.median(store.frames, axis=0)
    joint = UTD20.joints.index
    assert median[joint('head'), 1] > median[joint('hip centre'), 1] + 0.4 > median[joint('left foot'), 1] + 1.1
    (waves,) = np.nonzero(store.labels == ACTIONS.index('wave'))
    right, left = (
        np.mean([np.ptp(store[i][0, :, joint(f'{side} wrist')], axis=0).sum() for i in waves])
        for side in ('right', 'left')
    )
    assert right > 3 * left
    lengths = {
        bone: np.linalg.norm(store.frames[:, bone[0]] - store.frames[:, bone[1]], axis=-1) for bone in UTD20.bones
    }
    assert max(np.std(length) / np.mean(length) for (v, _), length in lengths.items() if v in (5, 6, 9, 10)) < 0.15
