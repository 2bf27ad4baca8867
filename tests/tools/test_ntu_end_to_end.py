"""From raw NTU RGB+D files, in a folder or in an archive, to a trained model, by the tools alone."""

import zipfile

import numpy as np
import pytest
from workshop import ROOT, run

from mmskelssl.datasets.clip_store import ClipStore

TRAIN = f"""
_base_ = [
    '{ROOT}/configs/_base_/models/skeletonclr_bigru.py',
    '{ROOT}/configs/_base_/sets/ntu60_xsub.py',
    '{ROOT}/configs/_base_/views/isc.py',
    '{ROOT}/configs/_base_/schedules/sgd_cosine_100e.py',
    '{ROOT}/configs/_base_/default_runtime.py',
]
model = dict(backbone=dict(hidden_channels=8), queue_size=32, feat_dim=4)
train_dataloader = dict(batch_size=16, num_workers=0, persistent_workers=False)
val_dataloader = dict(num_workers=0)
train_cfg = dict(max_epochs=1, val_interval=1)
"""


@pytest.fixture
def convert(tmp_path, monkeypatch, run_tool):
    """Runs a tool of ``dataset_converters`` in this process and gives what it printed."""

    def call(tool, *args):
        monkeypatch.chdir(tmp_path)
        status, output, error = run_tool(f'dataset_converters/{tool}', *args)
        assert status == 0, error
        return output + error

    return call


@pytest.mark.slow
def test_from_raw_files_to_a_trained_model(tmp_path, convert):
    convert('synthetic.py', 'synthetic', '--num-clips', 60, '--raw-ntu', 'raw')
    with zipfile.ZipFile(tmp_path / 'raw.zip', 'w', zipfile.ZIP_DEFLATED) as archive:
        for file in (tmp_path / 'raw').iterdir():
            archive.write(file, f'nturgb+d_skeletons/{file.name}')
    printed = convert('ntu.py', 'raw', 'data/ntu60')
    assert '60 clips written' in printed and 'partial data set: split xsub_train has' in printed
    convert('ntu.py', 'raw.zip', 'zipped', '--workers', 2)
    convert('verify.py', 'data/ntu60', 'zipped')

    made, given = ClipStore(tmp_path / 'data' / 'ntu60'), ClipStore(tmp_path / 'synthetic')
    assert made.names.tolist() == sorted(given.names)
    for index, name in enumerate(made.names):
        original = given[given.names.tolist().index(name)]
        # Which of two persons comes first is by energy.
        assert sorted(person.tobytes() for person in made[index]) == sorted(person.tobytes() for person in original)
    for split in given.splits:
        assert set(made.names[made.split(split)]) == set(given.names[given.split(split)])
    assert np.unique(made.attributes['setup']).tolist() == [1]

    (tmp_path / 'train.py').write_text(TRAIN)
    run('train.py', tmp_path, 'train.py', '--work-dir', 'work')
    assert (tmp_path / 'work' / 'epoch_1.pth').exists()
