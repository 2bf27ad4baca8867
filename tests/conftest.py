import os
from pathlib import Path

import numpy as np
import pytest
import torch
from workshop import call

from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.layouts import get_layout
from mmskelssl.utils import register_all_modules


def pytest_addoption(parser):
    parser.addoption(
        '--device', default='cpu', help='where tensors are made; for tests of official numbers on an accelerator'
    )


@pytest.fixture(scope='session', autouse=True)
def _modules():
    register_all_modules()


@pytest.fixture(scope='session', autouse=True)
def _device(request):
    if (device := request.config.getoption('--device')) != 'cpu':
        torch.set_default_device(device)
        torch.backends.cudnn.allow_tf32 = False


def pytest_collection_modifyitems(items):
    # The longest first: at the end it would keep one process at work while the others wait.
    items.sort(key=lambda item: item.path.name != 'test_side_by_side.py')


def pytest_runtest_setup(item):
    if item.get_closest_marker('shared') and 'MMSKELSSL_SHARED' not in os.environ:
        pytest.skip('MMSKELSSL_SHARED does not name the folder of real recordings and reference values')


@pytest.fixture
def shared() -> Path:
    """Folder of real recordings and reference values; for tests marked ``shared``."""
    return Path(os.environ['MMSKELSSL_SHARED'])


@pytest.fixture
def run_tool(monkeypatch, capsys):
    """Runs a script of ``tools`` in this process; gives exit status, standard output and standard error."""

    def run(tool: str, *args: object) -> tuple[int, str, str]:
        capsys.readouterr()
        return call(tool, *args, monkeypatch=monkeypatch), *capsys.readouterr()

    return run


@pytest.fixture
def make_store(tmp_path):
    """Writes a store of random ragged clips and gives its path.

    Clip i has ``lengths[i]`` frames, ``1 + i % max_persons`` persons and label ``i % 3``; every fourth clip tests.
    """

    def make(name='store', lengths=(1, 2, 7, 30, 64, 65, 90), layout='ntu25', max_persons=2, dtype='float32', seed=0):
        rng = np.random.default_rng(seed)
        with ClipStore.create(tmp_path / name, layout, ['wave', 'sit', 'jump'], dtype) as writer:
            for i, length in enumerate(lengths):
                clip = rng.standard_normal((1 + i % max_persons, length, get_layout(layout).num_joints, 3), np.float32)
                writer.add(f'clip {i}', i % 3, clip, performer=i)
            writer.splits.update(
                train=[i for i in range(len(lengths)) if i % 4 != 3], test=list(range(3, len(lengths), 4))
            )
        return tmp_path / name

    return make
