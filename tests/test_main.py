import runpy
import sys

import pytest
from workshop import ROOT

from mmskelssl.__main__ import commands, main
from mmskelssl.apis import list_models


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, 'argv', ['mmskelssl', *arguments])
        try:
            status = main()
        except SystemExit as end:
            status = end.code or 0
        return status, *capsys.readouterr()

    return run


def test_every_tool_is_a_command():
    known = commands()
    assert {path.resolve() for path in known.values()} == {path.resolve() for path in (ROOT / 'tools').rglob('*.py')}
    assert {
        'train',
        'test',
        'evaluate',
        'infer',
        'export',
        'publish',
        'browse_store',
        'convert nw_ucla',
    } <= known.keys()


@pytest.mark.parametrize('command', sorted(commands()))
def test_a_command_is_its_tool(command, monkeypatch, run):
    ran = []
    monkeypatch.setattr(runpy, 'run_path', lambda path, run_name: ran.append((path, run_name, sys.argv[1:])))
    assert run(*command.split(), '--flag', 'x')[0] == 0
    assert ran == [(str(commands()[command]), '__main__', ['--flag', 'x'])]


def test_help_of_a_tool(run):
    status, out, _ = run('train', '--help')
    assert status == 0 and out.startswith('usage: train.py ') and '--resume' in out


def test_a_config_is_given_by_its_name(run):
    status, out, err = run('train', 'vicreg_bigru64_1xb64-30e_synthetic-xsubb', '--check')
    assert status == 1 and 'nearest: vicreg_bigru64_1xb64-30e_synthetic-xsub.' in err


def test_models_are_listed(run):
    assert run('models', 'vicreg_*')[1].split() == list_models('vicreg_*')
    assert len(run('models')[1].split()) == len(list_models())


@pytest.mark.parametrize(
    ('arguments', 'hint'),
    [(['trian'], 'nearest: train'), (['convert', 'nwucla'], 'nearest: convert nw_ucla'), (['convert'], 'There are: ')],
)
def test_what_there_is_not(arguments, hint, run):
    status, _, err = run(*arguments)
    assert status == 2 and hint in err
