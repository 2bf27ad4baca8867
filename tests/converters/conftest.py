import runpy
import sys
from pathlib import Path

import pytest

CONVERTERS = Path(__file__).parents[2] / 'tools' / 'dataset_converters'


@pytest.fixture
def run_converter(monkeypatch, capsys):
    """Runs a script of ``tools/dataset_converters/`` by its name; gives its exit status, output and errors."""

    def run(name, *args):
        monkeypatch.setattr(sys, 'argv', [f'{name}.py', *map(str, args)])
        with pytest.raises(SystemExit) as exit:
            runpy.run_path(str(CONVERTERS / f'{name}.py'), run_name='__main__')
        out, err = capsys.readouterr()
        # The progress bar is no message.
        return exit.value.code, out, ''.join(line for line in err.splitlines(True) if 'Converting' not in line)

    return run
