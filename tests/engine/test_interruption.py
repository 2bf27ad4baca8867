import subprocess
import sys

import pytest

from mmskelssl.utils.interruption import name_launcher

PROCESS = "from mmskelssl.utils.interruption import die_with_launcher; die_with_launcher(); print('lives')"


@pytest.mark.parametrize('is_gone', [False, True])
def test_a_process_ends_whose_launcher_went_before_it_began(monkeypatch, is_gone):
    monkeypatch.delenv('MMSKELSSL_LAUNCHER', raising=False)
    name_launcher()
    if is_gone:  # and this process has adopted what it had started
        monkeypatch.setenv('MMSKELSSL_LAUNCHER', '1')
    result = subprocess.run([sys.executable, '-c', PROCESS], capture_output=True, text=True, timeout=60)
    assert result.stdout == ('' if is_gone else 'lives\n')
    assert result.stderr == ('The launcher is gone.\n' if is_gone else '')
