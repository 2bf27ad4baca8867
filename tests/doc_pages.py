"""The pages of the documentation, as the tests of links and commands read them."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for pattern in ('*.md', 'docs/**/*.md', 'docs/*.ipynb', 'configs/*/*.md')
    for path in ROOT.glob(pattern)
    if not {'_build', '_api'} & set(path.parts)
)


def read(page: Path) -> str:
    """The Markdown of a page; of a notebook, that of its text cells."""
    text = page.read_text(encoding='utf-8')
    if page.suffix != '.ipynb':
        return text
    cells = json.loads(text)['cells']
    return '\n\n'.join(''.join(cell['source']) for cell in cells if cell['cell_type'] == 'markdown')


def prose(page: Path) -> str:
    """A page without its code, in which brackets mean other things."""
    return re.sub(r'`[^`\n]*`', '', re.sub(r'^```.*?^```', '', read(page), flags=re.DOTALL | re.MULTILINE))


def anchors(page: Path) -> set[str]:
    """What ``#…`` may follow the page's name: its headings, by GitHub's rule."""
    text = re.sub(r'^```.*?^```', '', read(page), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r'^#+ (.+)$', text, re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', heading.strip().lower()).replace(' ', '-') for heading in headings}
