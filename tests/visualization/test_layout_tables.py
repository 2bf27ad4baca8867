import runpy
import sys
from pathlib import Path

import pytest

from mmskelssl.datasets.layouts import HAND22, SBU15
from mmskelssl.visualization.layout_tables import layout_table, layouts_page

ROOT = Path(__file__).parents[2]


def test_the_page_of_the_docs_is_the_layouts_of_the_code():
    assert (ROOT / 'docs' / 'data' / 'layouts.md').read_text(encoding='utf-8') == layouts_page()


def test_a_row_says_what_a_joint_is():
    lines = layout_table(SBU15).splitlines()
    assert lines[0] == '## sbu15'
    assert lines[2] == (
        '15 joints; centre 1 neck; spine 2 torso – 1 neck; shoulders 3 left shoulder – 6 right shoulder; up `+y`.'
    )
    assert '| 1 | neck | – | – | trunk |' in lines
    assert '| 4 | left elbow | 3 left shoulder | 7 | left arm |' in lines
    assert 'spine none; shoulders none' in layout_table(HAND22)


def test_the_tool_prints_them_without_a_store(monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['browse_store.py', '--layouts'])
    with pytest.raises(SystemExit) as exit:
        runpy.run_path(str(ROOT / 'tools' / 'visualization' / 'browse_store.py'), run_name='__main__')
    assert exit.value.code in (0, None) and capsys.readouterr().out == layouts_page()
