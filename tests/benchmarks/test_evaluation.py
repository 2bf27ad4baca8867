"""The benchmarks of the evaluation, at small size: that they run and what they say, not how fast."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from mmskelssl.evaluation.results import Statistic

TOOLS = Path(__file__).parents[2] / 'benchmarks'


def load_tool(name):
    spec = importlib.util.spec_from_file_location(name, TOOLS / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize('k', [1, 5])
def test_knn(monkeypatch, capsys, k):
    tool = load_tool('knn')
    monkeypatch.setattr(sys, 'argv', ['benchmark_knn', *f'--gallery 300 --queries 50 --width 32 --k {k}'.split()])
    assert tool.main() == 0
    out = capsys.readouterr().out
    assert f'300 x 50 features of 32, k = {k}, 2 threads' in out
    assert out.count('predictions that differ: 0 of 50') == 2
    assert re.search(r'scikit-learn / mmskelssl: [\d.]+ x the time', out)


def test_table_of_the_linear_benchmark():
    rows = [
        dict(exact=(Statistic([70.0]), 100.0, 90.0), fast=(Statistic([69.0, 71.0]), 4.0, 3.0)),
        dict(exact=(Statistic([72.0]), 100.0, 90.0), fast=(Statistic([71.0, 71.0]), 4.0, 3.0)),
    ]
    lines = load_tool('linear').table(['a.pth', 'b.pth'], rows).splitlines()
    assert lines[2:4] == ['| a.pth | exact | 70.0 | 100.0 | 90.0 |', '| a.pth | fast | 70.0 ± 1.4 | 4.0 | 3.0 |']
    assert lines[-2] == 'over the checkpoints: exact 71.0 ± 1.4, fast 70.5 ± 0.7, difference -0.50'
    assert lines[-1] == 'exact / fast: 25.0 x the time, 30.0 x the CPU time'
