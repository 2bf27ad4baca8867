"""The examples of docstrings do what they say."""

import doctest
import importlib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / 'mmskelssl'
MODULES = sorted(
    '.'.join(path.relative_to(PACKAGE.parent).with_suffix('').parts)
    for path in PACKAGE.rglob('*.py')
    if '>>> ' in path.read_text(encoding='utf-8')
)


def test_there_are_examples():
    assert {'mmskelssl.apis.models', 'mmskelssl.datasets.clip_store', 'mmskelssl.models.algorithms.base'} <= set(
        MODULES
    )


@pytest.mark.parametrize('module', MODULES)
def test_examples(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted and not result.failed
