"""The notebook on the API runs from its first cell to its last, and uses all of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import mmskelssl.apis

NOTEBOOK = Path(__file__).parents[2] / 'docs' / 'apis.ipynb'
CELLS = [
    ''.join(cell['source'])
    for cell in json.loads(NOTEBOOK.read_text(encoding='utf-8'))['cells']
    if cell['cell_type'] == 'code'
]


@pytest.mark.slow
def test_cells_run_in_an_empty_folder(tmp_path):
    env = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(NOTEBOOK.parents[1])}
    command = [sys.executable, '-c', '\n'.join(CELLS)]
    result = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr[-3000:]
    assert '% right, chance 5 %' in result.stdout and 'query: ' in result.stdout
    # Three neighbours and five classes, each with its number.
    assert sum(line[:2] in ('0.', '1.') for line in result.stdout.splitlines()) == 8
    assert (tmp_path / 'clips.html').stat().st_size > 10_000


@pytest.mark.parametrize('name', mmskelssl.apis.__all__)
def test_notebook_uses_every_function(name):
    assert any(f'{name}(' in cell for cell in CELLS)
