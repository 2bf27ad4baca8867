"""What several tests need: small clips, stores, configs, models and checkpoints, and a way to run the real tools."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseDataPreprocessor, BaseModel
from torch import Tensor, nn

from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.models import SkeletonModel
from mmskelssl.registry import MODELS

ROOT = Path(__file__).parents[1]
TOOLS = ROOT / 'tools'
NUM_TEST = 13  # odd, so that two processes share it unevenly

# A pre-training config for the store of make_workshop.
PRETRAIN = f"""
_base_ = [
    '{ROOT}/configs/_base_/models/skeletonclr_bigru.py',
    '{ROOT}/configs/_base_/knn_monitor.py',
    '{ROOT}/configs/_base_/schedules/sgd_cosine_100e.py',
    '{ROOT}/configs/_base_/default_runtime.py',
]
model = dict(
    layout='kinect20',
    num_persons=1,
    backbone=dict(hidden_channels=8),
    queue_size=40,
    feat_dim=4,
    momentum=0.9,
)
_view = [
    dict(type='TemporalCropResize', num_frames=16, min_frames=8),
    dict(type='RandomChoice', transforms=[[dict(type='Shear')], [dict(type='JointCorruption', num_joints=5)]]),
]
data_preprocessor = dict(
    type='SkeletonDataPreprocessor',
    train_pipeline=[dict(type='MultiView', transforms=_view)],
    test_pipeline=[dict(type='CenterCropResize', num_frames=16)],
)
train_dataloader = dict(
    batch_size=8, num_workers=0, persistent_workers=False, dataset=dict(store='store', split='train')
)
val_dataloader = dict(batch_size=4, num_workers=0, dataset=dict(store='store', split='test'))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=2, val_interval=1)
default_hooks = dict(checkpoint=dict(interval=1), logger=dict(interval=1))
auto_scale_lr = dict(base_batch_size=8)
"""


def random_clip(persons: int = 1, frames: int = 5, joints: int = 25, coords: int = 3, seed: int = 0) -> np.ndarray:
    """(M, T, V, C) float32."""
    return np.random.default_rng(seed).standard_normal((persons, frames, joints, coords), np.float32)


def make_workshop(folder: Path, train: int = 27, test: int = NUM_TEST, **configs: str) -> Path:
    """Writes ``store``, with splits of these sizes, ``pretrain.py`` and other configs into a folder, and gives it."""
    write_store(folder / 'store', train=train, test=test)
    for name, text in dict(configs, pretrain=PRETRAIN).items():
        (folder / f'{name}.py').write_text(text)
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


def write_checkpoint(path: Path, cfg: Config, seed: int = 0, **meta: object) -> Path:
    """A checkpoint of random weights with its config in it, as a run leaves it; gives its path."""
    torch.manual_seed(seed)
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict(), meta=dict(cfg=cfg.pretty_text, **meta)), path)
    return path


def takes_views(model: BaseModel) -> BaseModel:
    """The model, for batches that hold ready views."""
    model.data_preprocessor = BaseDataPreprocessor()
    return model


class Toy(SkeletonModel):
    """Its embeddings (N, D) are the batch itself; it notes what it is told, and the numbers in the first column."""

    def __init__(self) -> None:
        super().__init__()
        takes_views(self)
        self.weight = nn.Parameter(torch.ones(1))
        self.events: list[tuple[str, list[float]]] = []

    def before_update(self) -> None:
        self.events.append(('before', []))

    def forward(self, inputs: Tensor, data_samples: dict | None = None, mode: str = 'tensor') -> dict[str, Tensor]:
        self.embeddings = dict(joint=inputs)
        self.events.append(('loss', inputs[:, 0].tolist()))
        return dict(loss=(self.weight * inputs).mean())

    def to_enqueue(self) -> dict[str, Tensor]:
        return dict(joint=self.embeddings['joint'], minus=-self.embeddings['joint'])

    def after_update(self, batches: list[dict[str, Tensor]]) -> None:
        self.events.append(('after', torch.cat([batch['joint'] for batch in batches])[:, 0].tolist()))


def call(tool: str, *args: object, monkeypatch: pytest.MonkeyPatch) -> int:
    """Runs a script, given by its path below ``tools``, in this process, and gives its exit status."""
    path = str(TOOLS / tool)
    monkeypatch.setattr(sys, 'argv', [path, *map(str, args)])
    with pytest.raises(SystemExit) as exit:
        runpy.run_path(path, run_name='__main__')
    return exit.value.code or 0


def command_and_environment(tool: str, folder: Path) -> tuple[list[str], dict[str, str]]:
    """What starts a tool as a process in a folder, with the interpreter of the tests."""
    path = TOOLS / tool
    interpreter = sys.executable if path.suffix == '.py' else 'bash'
    environment = {
        **os.environ,
        'OMP_NUM_THREADS': '1',
        'PYTHONPATH': os.pathsep.join([str(ROOT), str(folder)]),
        'PATH': os.pathsep.join([str(Path(sys.executable).parent), os.environ['PATH']]),
    }
    return [interpreter, str(path)], environment


def run(tool: str, folder: Path, *args: object, status: int = 0, timeout: float = 3600) -> str:
    """Runs a tool in a process of its own, checks its exit status and gives what it printed.

    The timeout ends what hangs; it is not a measure of speed, and a loaded machine may be slow.
    """
    command, environment = command_and_environment(tool, folder)
    result = subprocess.run(
        [*command, *map(str, args)], cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout
    )
    assert result.returncode == status, result.stdout[-3000:] + result.stderr[-3000:]
    return result.stdout + result.stderr
