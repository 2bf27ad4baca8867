"""Commands that the documentation names are there and take the arguments that they are given."""

import argparse
import re
import runpy
import shlex
import sys
from functools import cache
from pathlib import Path

import pytest
from doc_pages import PAGES, ROOT, read

# What a shell script hands to which Python script, after its first arguments.
SHELL = {
    'dist_train.sh': ('tools/train.py', 2, [0]),
    'dist_test.sh': ('tools/test.py', 3, [0, 1]),
    'dist_evaluate.sh': ('tools/evaluate.py', 2, [0]),
    'slurm_train.sh': ('tools/train.py', 3, [2]),
    'slurm_evaluate.sh': ('tools/evaluate.py', 3, [2]),
}
SCRIPT = re.compile(r'(?:python|bash) ((?:tools|benchmarks|stress|docs)/\S+\.(?:py|sh))\b([^\n;|`]*)')


GET_VALUE, CHECK_VALUE = argparse.ArgumentParser._get_value, argparse.ArgumentParser._check_value


class Parsed(Exception):
    """Instead of running a script: its parser."""


def commands() -> dict[str, tuple[str, str]]:
    """Command to its script and arguments, of all blocks and code spans of all pages."""
    found = {}
    for page in PAGES:
        spans_in_one_line = re.sub(r'(?<!`)`[^`]+`(?!`)', lambda span: ' '.join(span[0].split()), read(page))
        text = re.sub(r' *\\\n\s*', ' ', spans_in_one_line)
        for match in SCRIPT.finditer(text):
            arguments = re.split(r' +#| && | > | & ', match[2])[0].strip()
            found[f'{match[1]} {arguments}'] = match[1], arguments
    return found


@cache
def parser_of(script: str) -> argparse.ArgumentParser:
    """The parser that a script makes when it is run."""

    def stop(self, *_, **__):
        raise Parsed(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, 'parse_args', stop)
        patch.setattr(argparse.ArgumentParser, 'parse_known_args', stop)
        patch.setattr(sys, 'argv', [script])
        patch.syspath_prepend(str((ROOT / script).parent))
        with pytest.raises(Parsed) as parsed:
            runpy.run_path(str(ROOT / script), run_name='__main__')
    return parsed.value.args[0]


def test_there_are_commands():
    assert len(commands()) > 80


@pytest.mark.parametrize('command', commands())
def test_command(command, monkeypatch, capsys):
    script, arguments = commands()[command]
    assert (ROOT / script).is_file()
    words = shlex.split(re.sub(r'\[(--[^\]]*)\]', r'\1', arguments))  # [what may be left out]
    words = [word.replace('$options', 'KEY=VALUE') for word in words if word not in ('…', '...')]
    if script.endswith('.sh'):
        if Path(script).name not in SHELL:
            return
        script, taken, kept = SHELL[Path(script).name]
        if not words:
            return
        words = [words[i] for i in kept] + words[taken:]
    if not words:
        return  # named, not called
    # What stands for a value is in capitals or a variable of the shell.
    monkeypatch.setattr(argparse.ArgumentParser, '_get_value', value_of)
    monkeypatch.setattr(argparse.ArgumentParser, '_check_value', check)
    try:
        parser_of(script).parse_args(words)
    except SystemExit as end:
        assert end.code == 0, capsys.readouterr().err


def value_of(parser: argparse.ArgumentParser, action: argparse.Action, text: str) -> object:
    return text if is_placeholder(text) else GET_VALUE(parser, action, text)


def check(parser: argparse.ArgumentParser, action: argparse.Action, value: object) -> None:
    if not is_placeholder(value):
        CHECK_VALUE(parser, action, value)


def is_placeholder(value: object) -> bool:
    return isinstance(value, str) and (value.isupper() or value.startswith('$'))


def test_configs_that_pages_name_are_there():
    for page in PAGES:
        text = read(page)
        own = set(re.findall(r'^# (configs/\S+\.py)$', text, re.MULTILINE))  # the page itself says what is in it
        named = set(re.findall(r'(?<![\w./])configs/[\w/.-]+\.py\b', text))
        missing = {name for name in named - own if not (ROOT / name).is_file()}
        assert not missing, page
