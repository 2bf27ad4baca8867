"""tools/dataset_converters/verify.py"""

import csv
import pickle
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.transforms import pre_normalize

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / 'configs' / 'cmd' / 'cmd_bigru_1xb256-500e_ntu60-xsub.py'


@pytest.fixture
def run(run_tool):
    return partial(run_tool, 'dataset_converters/verify.py')


def copy_of(path, change=lambda clip: clip):
    """Another store, of changed clips."""
    store = ClipStore(path)
    with ClipStore.create(path.with_name('copy'), store.layout, store.classes) as writer:
        for index, name in enumerate(store.names.tolist()):
            writer.add(name, store.labels[index], change(store[index]))
        writer.splits.update(store.splits)
    return path.with_name('copy')


def test_a_store_alone(run, make_store):
    status, out, _ = run(make_store())
    assert status == 0
    assert '7 clips, 259 frames, 3 classes, layout ntu25, float32' in out and 'fingerprint: ' in out


def test_a_damaged_store(run, make_store):
    path = make_store()
    data = bytearray((path / 'frames.bin').read_bytes())
    data[0] ^= 1
    (path / 'frames.bin').write_bytes(data)
    status, out, _ = run(path)
    assert status == 1 and 'error: frames.bin has another checksum' in out
    (path / 'frames.bin').write_bytes(data[:-4])
    status, _, err = run(path)
    assert status == 1 and err.startswith('error: ') and 'cut short' in err


def test_two_stores(run, make_store, tmp_path):
    path = make_store()
    status, out, _ = run(path, copy_of(path))
    assert status == 0 and '7 clips in both, 7 of them the same' in out
    status, out, _ = run(path, make_store('other', lengths=(1, 2, 7, 31), seed=1), '--table', tmp_path / 'table.csv')
    assert status == 2 and "only in the first: 3 clips ('clip 4', 'clip 5', 'clip 6')" in out
    assert '  clip 3: 30 and 31 frames, ' in out
    rows = list(csv.DictReader((tmp_path / 'table.csv').open()))
    assert sorted(row['name'] for row in rows) == ['clip 0', 'clip 1', 'clip 2', 'clip 3']
    assert all(float(row['distance']) > 1 > float(row['mean']) * 0.4 for row in rows)
    status, _, err = run(path, tmp_path / 'nowhere')
    assert status == 1 and 'error: No clip store' in err


def write_official(folder, store, change=lambda clip: clip):
    """The arrays that CMD's scripts make of a store."""
    folder.mkdir()
    for side, split in (('train', 'train'), ('val', 'test')):
        index = store.split(split)
        array = np.zeros((len(index), 3, 300, 25, 2), np.float32)
        for place, i in enumerate(index):
            clip = change(np.array(store[i]))
            array[place, :, : clip.shape[1], :, : len(clip)] = clip.transpose(3, 1, 2, 0)
        np.save(folder / f'{side}_data_joint.npy', array)
        np.save(folder / f'{side}_num_frame.npy', store.num_frames[index])
        labels = [f'{name}.skeleton' for name in store.names[index]], store.labels[index].tolist()
        (folder / f'{side}_label.pkl').write_bytes(pickle.dumps(labels))
    return folder


def test_official_arrays(run, make_store, tmp_path):
    path = make_store()
    raw = write_official(tmp_path / 'raw', ClipStore(path))
    status, out, _ = run(path, raw)
    assert status == 0 and '7 clips in both, 7 of them the same' in out
    normalized = write_official(tmp_path / 'xsub', ClipStore(path), lambda clip: pre_normalize(clip, 'ntu25'))
    status, out, _ = run(path, normalized)
    assert status == 2 and '7 clips differ' in out
    assert run(path, normalized, '--normalized-by', CONFIG)[0] == 0


def test_a_pickle(run, make_store, tmp_path):
    store = ClipStore(make_store())
    annotations = [
        dict(frame_dir=name, label=int(label), total_frames=clip.shape[1], keypoint=np.array(clip, np.float16))
        for name, label, clip in zip(store.names.tolist(), store.labels, store, strict=True)
    ]
    splits = {name: store.names[index].tolist() for name, index in store.splits.items()}
    splits['train'] = splits['train'][1:]
    (tmp_path / 'ntu.pkl').write_bytes(pickle.dumps(dict(split=splits, annotations=annotations)))
    status, out, _ = run(store.path, tmp_path / 'ntu.pkl', '--tolerance', 2e-3)
    assert status == 2 and '7 clips in both, 7 of them the same to 0.002 m.' in out
    assert "splits: train has 1 clip ('clip 0') only in the first" in out
    assert '7 clips differ, by ' in run(store.path, tmp_path / 'ntu.pkl')[1]
    (tmp_path / 'ntu.pkl').write_bytes(b'junk')
    status, _, err = run(store.path, tmp_path / 'ntu.pkl')
    assert status == 1 and 'error: ' in err and 'ntu.pkl is not a whole pickle' in err
