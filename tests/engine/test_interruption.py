import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from mmskelssl.engine import interruption

TORCHRUN = Path(__file__).parents[2] / 'tools' / 'misc' / 'torchrun.py'
PROCESS = "from mmskelssl.engine.interruption import die_with_launcher; die_with_launcher(); print('lives')"


@pytest.mark.parametrize('is_gone', [False, True])
def test_a_process_ends_if_its_launcher_ended_before_it_began(monkeypatch, is_gone):
    # A process whose launcher has ended is adopted by another one: here by this test.
    monkeypatch.setenv(interruption.LAUNCHER, '1' if is_gone else str(os.getpid()))
    result = subprocess.run([sys.executable, '-c', PROCESS], capture_output=True, text=True, timeout=60)
    assert result.stdout == ('' if is_gone else 'lives\n')
    assert ('The launcher has ended.\n' in result.stderr) == is_gone


def test_the_launcher_uses_the_same_statuses_and_variable():
    launcher = runpy.run_path(str(TORCHRUN))
    assert launcher['LAUNCHER'] == interruption.LAUNCHER
    assert launcher['STOPPED'] == {number: interruption.stopped_status(number) for number in interruption._SIGNALS}
    assert sorted(launcher['STOPPED'].values()) == [75, 130]
