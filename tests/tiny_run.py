"""A folder with a small store and a config, and the real tools run in it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from mmskelssl.datasets.clip_store import ClipStore

ROOT = Path(__file__).parents[1]

CONFIG = f"""
_base_ = [
    '{ROOT}/configs/_base_/models/skeletonclr_bigru.py',
    '{ROOT}/configs/_base_/datasets/pretrain.py',
    '{ROOT}/configs/_base_/schedules/sgd_cosine_100e.py',
    '{ROOT}/configs/_base_/default_runtime.py',
]
model = dict(
    layout='kinect20',
    backbone=dict(num_joints=20, num_persons=1, hidden_channels=8),
    queue_size=40,
    feat_dim=4,
    momentum=0.9,
)
_view = [dict(type='TemporalCropResize', num_frames=16, min_frames=8), dict(type='Shear')]
test_pipeline = [dict(type='CenterCropResize', num_frames=16)]
_workers = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(
    batch_size=8,
    **_workers,
    dataset=dict(store='store', split='train', pipeline=[dict(type='MultiView', transforms=_view)]),
)
_queries = dict(batch_size=4, **_workers, dataset=dict(store='store', split='test', pipeline=test_pipeline))
_gallery = dict(_queries, dataset=dict(store='store', split='train', pipeline=test_pipeline))
val_dataloader = _queries
test_dataloader = _queries
val_cfg = dict(gallery_dataloader=_gallery)
test_cfg = dict(gallery_dataloader=_gallery)
train_cfg = dict(max_epochs=2, val_interval=2)
default_hooks = dict(checkpoint=dict(interval=1), logger=dict(interval=1))
auto_scale_lr = dict(base_batch_size=8)
"""


def make_workshop(folder: Path, num_train: int = 27, num_test: int = 13) -> Path:
    """Writes ``store``, of random clips of three classes, and ``pretrain.py`` into the folder."""
    random = np.random.default_rng(0)
    with ClipStore.create(folder / 'store', 'kinect20', ['a', 'b', 'c']) as writer:
        for number in range(num_train + num_test):
            clip = random.normal(size=(1, random.integers(10, 25), 20, 3))
            clip[:, :, number % 3] += 0.5
            writer.add(f'clip {number}', number % 3, clip)
        writer.splits.update(train=range(num_train), test=range(num_train, num_train + num_test))
    (folder / 'pretrain.py').write_text(CONFIG)
    return folder


def run_tool(tool: str, folder: Path, *args: object) -> subprocess.CompletedProcess:
    """Runs ``tools/TOOL`` in a process of its own."""
    env = {
        **os.environ,
        'OMP_NUM_THREADS': '1',
        'PYTHONPATH': os.pathsep.join([str(ROOT), str(folder)]),
        'PATH': os.pathsep.join([str(Path(sys.executable).parent), os.environ['PATH']]),
    }
    path = ROOT / 'tools' / tool
    interpreter = sys.executable if path.suffix == '.py' else 'bash'
    return subprocess.run(
        [interpreter, path, *map(str, args)], cwd=folder, env=env, capture_output=True, text=True, timeout=300
    )
