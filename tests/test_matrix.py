"""The versions that the workflow tests are the ones that the package claims."""

import re
import runpy

import pytest

from tests import matrix


@pytest.fixture
def claimed():
    """Oldest version of Python, torch and NumPy, by setup.py and requirements."""
    setup = (matrix.ROOT / 'setup.py').read_text()
    runtime = (matrix.ROOT / 'requirements' / 'runtime.txt').read_text()
    python = re.search(r"python_requires='>=([\d.]+)'", setup).group(1)
    return [python, *(re.search(rf'^{name}>=([\d.]+)', runtime, re.MULTILINE).group(1) for name in ('torch', 'numpy'))]


def test_the_first_row_is_the_oldest_of_all_and_the_last_the_newest(claimed):
    first, *_, last = matrix.rows()
    assert all(found == oldest or found.startswith(f'{oldest}.') for found, oldest in zip(first, claimed, strict=True))
    assert last[1:] == ['', '']


def test_every_python_from_the_oldest_on_has_a_row(claimed):
    minors = [int(row[0].split('.')[1]) for row in matrix.rows()]
    assert minors == list(range(int(claimed[0].split('.')[1]), minors[-1] + 1))


def test_a_row_without_an_interpreter_is_said_not_to_have_run(monkeypatch, capsys):
    monkeypatch.setattr('sys.argv', ['matrix.py', '--row', '3.99', '', ''])
    with pytest.raises(SystemExit, match='0'):
        runpy.run_path(matrix.__file__, run_name='__main__')
    assert capsys.readouterr().out == '3.99  : not run, there is no python3.99\n'
