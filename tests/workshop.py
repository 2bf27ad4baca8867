"""Running the real tools on small stores, for end-to-end tests."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from mmskelssl.datasets.clip_store import ClipStore

ROOT = Path(__file__).parents[1]
NUM_TEST = 13  # odd, so that two processes share it unevenly

PRETRAIN = f"""
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
view = [
    dict(type='TemporalCropResize', num_frames=16, min_frames=8),
    dict(type='RandomChoice', transforms=[[dict(type='Shear')], [dict(type='JointCorruption', num_joints=5)]]),
]
test_pipeline = [dict(type='CenterCropResize', num_frames=16)]
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(store='store', split='train', pipeline=[dict(type='MultiView', transforms=view)]),
)
queries = dict(batch_size=4, num_workers=0, dataset=dict(store='store', split='test', pipeline=test_pipeline))
gallery = dict(queries, dataset=dict(store='store', split='train', pipeline=test_pipeline))
val_dataloader = queries
test_dataloader = queries
val_cfg = dict(gallery_dataloader=gallery)
test_cfg = dict(gallery_dataloader=gallery)
train_cfg = dict(max_epochs=2, val_interval=1)
default_hooks = dict(checkpoint=dict(interval=1), logger=dict(interval=1))
auto_scale_lr = dict(base_batch_size=8)
"""


def make_workshop(folder: Path, train: int = 27, test: int = NUM_TEST) -> Path:
    """Writes ``store``, with splits of these sizes, and ``pretrain.py`` into a folder, and gives the folder."""
    write_store(folder / 'store', train=train, test=test)
    (folder / 'pretrain.py').write_text(PRETRAIN)
    return folder


def write_store(path: Path, **splits: int) -> None:
    """A store of random clips in three classes; the splits, given by their sizes, follow each other."""
    random = np.random.default_rng(0)
    with ClipStore.create(path, 'kinect20', ['a', 'b', 'c']) as writer:
        for name, size in splits.items():
            first = len(writer.names)
            for number in range(first, first + size):
                clip = random.normal(size=(1, random.integers(10, 25), 20, 3))
                clip[:, :, number % 3] += 0.5
                writer.add(f'clip {number}', number % 3, clip)
            writer.splits[name] = range(first, first + size)


def command_and_environment(tool: str, folder: Path) -> tuple[list[str], dict[str, str]]:
    """What starts a tool as a process in a folder, with the interpreter of the tests."""
    path = ROOT / 'tools' / tool
    interpreter = sys.executable if path.suffix == '.py' else 'bash'
    environment = {
        **os.environ,
        'OMP_NUM_THREADS': '1',
        'PYTHONPATH': os.pathsep.join([str(ROOT), str(folder)]),
        'PATH': os.pathsep.join([str(Path(sys.executable).parent), os.environ['PATH']]),
    }
    return [interpreter, str(path)], environment


def run(tool: str, folder: Path, *args: object, status: int = 0, timeout: float = 300) -> str:
    """Runs a tool in a process of its own, checks its exit status and gives what it printed."""
    command, environment = command_and_environment(tool, folder)
    result = subprocess.run(
        [*command, *map(str, args)], cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout
    )
    assert result.returncode == status, result.stdout[-3000:] + result.stderr[-3000:]
    return result.stdout + result.stderr
