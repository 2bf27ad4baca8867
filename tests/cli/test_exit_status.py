from pathlib import Path
from urllib.error import HTTPError, URLError

import pytest

from mmskelssl.cli.exit_status import exit_status
from mmskelssl.utils import errors


def fail(error):
    def action():
        raise error

    return action


def test_the_status_of_the_body():
    assert exit_status(lambda: None) == 0 and exit_status(lambda: 0) == 0 and exit_status(lambda: 2) == 2


@pytest.mark.parametrize('kind', errors.UserError.__subclasses__())
def test_errors_of_the_user_are_one_line(capsys, kind):
    assert exit_status(fail(kind('x is wrong: do y.'))) == 1
    assert capsys.readouterr().err == 'error: x is wrong: do y.\n'


def test_files_are_named(capsys):
    assert exit_status(Path('/nowhere/at/all').read_bytes) == 1
    assert capsys.readouterr().err == 'error: /nowhere/at/all: No such file or directory\n'


def test_failed_downloads_are_told(capsys):
    assert exit_status(fail(URLError('no route'))) == 1
    assert exit_status(fail(HTTPError('http://x/y.pth', 404, 'Not Found', None, None))) == 1
    assert capsys.readouterr().err == (
        'error: A file could not be downloaded: no route.\nerror: http://x/y.pth could not be downloaded: Not Found.\n'
    )


@pytest.mark.parametrize(
    'error',
    [EOFError(), ConnectionResetError(), RuntimeError('DataLoader worker (pid 3) is killed by signal: Killed.')],
)
def test_dead_workers_are_told(capsys, error):
    assert exit_status(fail(error)) == 1
    assert capsys.readouterr().err.startswith('error: A loader worker died')


@pytest.mark.parametrize(
    'error', [KeyError('x'), ValueError('x'), TypeError('x'), RuntimeError('x'), OSError('x'), AttributeError('x')]
)
def test_faults_of_a_program_keep_their_traceback(error):
    with pytest.raises(type(error)) as caught:
        exit_status(fail(error))
    assert caught.value is error
