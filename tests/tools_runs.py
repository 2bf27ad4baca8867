"""Running the real tools on small stores, for end-to-end tests."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from mmskelssl.datasets.clip_store import ClipStore

ROOT = Path(__file__).parents[1]


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
