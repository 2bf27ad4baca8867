"""Links of the documentation lead somewhere, its pictures are described, and no page is lost."""

import re
import runpy
from urllib.parse import urlsplit

import pytest
from doc_pages import PAGES, ROOT, anchors, prose

LINKS = [
    (page, link)
    for page in PAGES
    for link in re.findall(r'\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$', prose(page), re.MULTILINE)
    for link in link
    if link
]
EXTERNAL = sorted({link for _, link in LINKS if '://' in link})


def test_local_links_lead_to_files_and_headings():
    broken = []
    for page, link in LINKS:
        name, _, anchor = link.partition('#')
        target = page if not name else page.parent / name
        if '://' in link:
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(f'{page.relative_to(ROOT)}: {link}')
    assert not broken
    assert len(LINKS) > 200


@pytest.mark.parametrize('link', EXTERNAL)
def test_external_links_are_well_formed(link):
    url = urlsplit(link)
    assert url.scheme in ('http', 'https') and re.fullmatch(r'([\w-]+\.)+[a-z]+', url.hostname)


def test_references_by_name_are_defined():
    for page in PAGES:
        text = prose(page)
        defined = set(re.findall(r'^\[([^\]]+)\]: ', text, re.MULTILINE))
        assert set(re.findall(r'\]\[([^\]]+)\]', text)) <= defined, page


def test_pictures_are_described():
    for page in PAGES:
        text = prose(page)
        for description in re.findall(r'!\[([^\]]*)\]\(', text):
            assert len(description) > 20, page
        for image in re.findall(r'<img [^>]*>', text):
            assert re.search(r'alt="[^"]{20,}"', image), page


def test_every_page_is_in_the_site():
    navigation = runpy.run_path(str(ROOT / 'docs' / 'navigation.py'))
    assert {page.relative_to(ROOT).with_suffix('').as_posix() for page in PAGES} == set(navigation['all_pages']())


def test_method_pages_have_the_configs_of_their_metafile():
    tables = runpy.run_path(str(ROOT / 'docs' / 'method_tables.py'))
    for page in tables['method_pages']():
        assert page.read_text(encoding='utf-8') == tables['with_configs'](page), f'run docs/method_tables.py: {page}'
