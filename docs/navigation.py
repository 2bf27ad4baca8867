"""The order of the site, read from the tables of pages that the documentation's READMEs hold anyway.

A table that has a column ``page`` names pages: under its heading, in its order. What no table names is not in the site,
and a page that several tables name stands where the first does.
"""

import os
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
START = 'docs/README'
_LINK = re.compile(r'\]\(([^)#\s]+?)\.(?:md|ipynb)(?:#[^)]*)?\)')


def all_pages() -> list[str]:
    """Every page of the site, from the checkout's root and without suffix."""
    return [START, *(page for groups in toctrees().values() for _, pages in groups for page in pages)]


@cache
def toctrees() -> dict[str, list[tuple[str, list[str]]]]:
    """Page to its toctrees, each a caption and pages."""
    found: dict[str, list[tuple[str, list[str]]]] = {}
    seen, todo = {START}, [START]
    while todo:
        page = todo.pop(0)
        groups = []
        for caption, linked in _tables(page):
            new = [link for link in dict.fromkeys(linked) if link not in seen]
            seen.update(new)
            todo.extend(new)
            groups.append((caption, new))
        found[page] = [group for group in groups if group[1]]
    return found


def add_toctrees(app, page: str, source: list[str]) -> None:
    """Appends a page's toctrees to its text, as Sphinx reads it; only the first page's have captions."""
    for caption, pages in toctrees().get(page, []):
        options = f':caption: {caption}\n' if page == START else ''
        source[0] += '\n```{toctree}\n:hidden:\n' + options + '\n' + '\n'.join(f'/{p}' for p in pages) + '\n```\n'


def _tables(page: str) -> list[tuple[str, list[str]]]:
    """Caption and linked pages of each table of pages."""
    path = ROOT / f'{page}.md'
    if not path.is_file():
        return []
    tables, caption, column = [], '', None
    for line in path.read_text(encoding='utf-8').splitlines():
        cells = [cell.strip() for cell in line.split('|')]
        if line.startswith('#'):
            caption = line.lstrip('# ')
        if not line.startswith('|'):
            column = None
        elif column is not None:
            links = _LINK.findall(cells[column])
            tables[-1][1].extend(os.path.normpath(Path(page).parent / link) for link in links)
        elif 'page' in cells:
            column = cells.index('page')
            tables.append((caption, []))
    return tables
