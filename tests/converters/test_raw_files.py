import os
import tarfile
import zipfile

import pytest

from mmskelssl.converters.raw_files import HIDDEN, described, find_files
from mmskelssl.utils.errors import ClipError, StoreError


@pytest.fixture
def raw(tmp_path):
    """Makes files below ``raw`` and gives its path."""

    def make(*names):
        for name in names:
            path = tmp_path / 'raw' / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        return tmp_path / 'raw'

    return make


def names(folder, *more):
    found = find_files([folder, *more], '.txt')
    return [str(file).removeprefix(f'{folder}/') for file in found.files]


def passed_over(path):
    reasons = find_files([path], '.txt').passed_over
    return {reason: sorted(name.removeprefix(f'{path}/') for name in paths) for reason, paths in reasons.items()}


def test_linked_folders_and_files_are_followed(raw, tmp_path):
    folder = raw('a/one.txt')
    (tmp_path / 'elsewhere' / 'deep').mkdir(parents=True)
    for name in ('two', 'deep/three'):
        (tmp_path / 'elsewhere' / f'{name}.txt').touch()
    (folder / 'linked').symlink_to(tmp_path / 'elsewhere')
    (folder / 'four.txt').symlink_to(tmp_path / 'elsewhere' / 'two.txt')
    assert names(folder) == ['a/one.txt', 'four.txt', 'linked/deep/three.txt', 'linked/two.txt']
    assert not passed_over(folder)
    (tmp_path / 'top').symlink_to(folder)
    assert len(names(tmp_path / 'top')) == 4


def test_links_in_circles_end(raw):
    folder = raw('a/one.txt', 'b/two.txt')
    (folder / 'a' / 'up').symlink_to(folder)
    (folder / 'a' / 'b').symlink_to(folder / 'b')
    (folder / 'b' / 'a').symlink_to(folder / 'a')
    (folder / 'self').symlink_to(folder / 'self')
    assert sorted(name.split('/')[-1] for name in names(folder)) == ['one.txt', 'two.txt']
    assert passed_over(folder) == {'links to nothing, or no files': ['self']}


def test_a_file_reached_in_two_ways_is_one(raw):
    folder = raw('a/one.txt')
    (folder / 'b').symlink_to(folder / 'a')
    assert names(folder, folder / 'a', folder / 'a' / 'one.txt') == ['a/one.txt']


def test_what_is_passed_over_is_named_by_reason(raw):
    folder = raw(
        *('one.txt', 'TWO.TXT', '._one.txt', '.DS_Store', '__MACOSX/raw/one.txt', 'a/Thumbs.db', '.cache/x.txt'),
        *('readme.md', 'a/notes.doc', 'more.zip', 'more.tar.gz', 'bare'),
    )
    (folder / 'gone.txt').symlink_to(folder / 'nowhere.txt')
    assert names(folder) == ['TWO.TXT', 'one.txt']
    assert passed_over(folder) == {
        HIDDEN: ['.DS_Store', '._one.txt', '.cache', '__MACOSX', 'a/Thumbs.db'],
        'not .txt': ['a/notes.doc', 'bare', 'readme.md'],
        'archives, which are read where they are given themselves': ['more.tar.gz', 'more.zip'],
        'links to nothing, or no files': ['gone.txt'],
    }


@pytest.mark.skipif(os.geteuid() == 0, reason='root reads every folder')
def test_folders_that_cannot_be_read_are_named(raw):
    folder = raw('a/one.txt', 'b/two.txt')
    (folder / 'b').chmod(0)
    assert passed_over(folder) == {'folders that cannot be read': ['b']}
    (folder / 'b').chmod(0o755)


def test_members_of_archives_are_chosen_likewise(tmp_path):
    path = tmp_path / 'raw.zip'
    with zipfile.ZipFile(path, 'w') as archive:
        for name in ('raw/', 'raw/one.txt', '__MACOSX/raw/._one.txt', 'raw/.DS_Store', 'raw/._two.txt', 'raw/a.md'):
            archive.writestr(name, '')
    assert names(path) == ['raw/one.txt']
    assert passed_over(path) == {
        HIDDEN: ['__MACOSX/raw/._one.txt', 'raw/.DS_Store', 'raw/._two.txt'],
        'not .txt': ['raw/a.md'],
    }


def test_a_hidden_folder_that_is_given_is_read(raw):
    assert names(raw('.hidden/one.txt') / '.hidden') == ['one.txt']


@pytest.mark.parametrize(
    'name, message',
    [
        ('raw.tar.xz', 'not a whole tar archive: download'),
        ('raw.7z', 'neither a folder, a .txt file nor a whole zip or tar archive'),
        ('raw.zip', 'not a whole zip archive: download'),
    ],
)
def test_other_files_are_refused(tmp_path, name, message):
    (tmp_path / name).write_bytes(b'7z')
    with pytest.raises(StoreError, match=message):
        find_files([tmp_path / name], '.txt')


def test_sentences_name_the_first_few():
    assert described({'not .txt': ['a', 'b'], 'hidden': list('abcd')}) == [
        '2 passed over, not .txt: a, b.',
        '4 passed over, hidden: a, b, c ...',
    ]


FILES = {'a/b/one.txt': b'1', 'a/two.txt': b'22', 'a/other.csv': b'', 'a/._one.txt': b'hidden'}


def folder(path):
    for name, content in FILES.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def packed(path, root):
    if path.suffix == '.zip':
        with zipfile.ZipFile(path, 'w') as archive:
            for name in FILES:
                archive.write(root / name, name)
    else:
        mode = {'.tar': 'w', '.gz': 'w:gz', '.tgz': 'w:gz', '.xz': 'w:xz', '.bz2': 'w:bz2'}[path.suffix.lower()]
        with tarfile.open(path, mode) as archive:
            archive.add(root / 'a', 'a')
    return path


@pytest.mark.parametrize('name', ['', 'x.zip', 'x.tar', 'x.tar.gz', 'x.TGZ', 'x.tar.xz', 'x.tar.bz2'])
def test_folder_and_archives_list_the_same_files(tmp_path, name):
    root = folder(tmp_path / 'root')
    files = find_files([packed(tmp_path / name, root) if name else root], '.txt').files
    assert {file.parts[-2:]: file.read(10) for file in files} == {('b', 'one.txt'): b'1', ('a', 'two.txt'): b'22'}
    assert {(file.folder, file.stem) for file in files} == {('b', 'one'), ('a', 'two')}
    (long,) = [file for file in files if file.stem == 'two']
    with pytest.raises(ClipError, match='two.txt: 2 bytes are more than the 1 allowed'):
        long.read(1)


def test_links_and_paths_that_leave_a_tar_archive_are_not_read(tmp_path):
    (tmp_path / 'secret.txt').write_text('secret')
    with tarfile.open(tmp_path / 'x.tar', 'w') as archive:
        link = tarfile.TarInfo('a/link.txt')
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / 'secret.txt')
        archive.addfile(link)
        archive.add(tmp_path / 'secret.txt', '../outside.txt')
    (file,) = find_files([tmp_path / 'x.tar'], '.txt').files
    with pytest.raises(ClipError, match='outside.txt: the path leaves the archive'):
        file.read(100)


def test_tar_archive_with_a_size_beyond_its_end(tmp_path):
    info = tarfile.TarInfo('a.txt')
    info.size = 1 << 40
    (tmp_path / 'x.tar').write_bytes(info.tobuf() + bytes(2 * tarfile.BLOCKSIZE))
    with pytest.raises(StoreError, match='x.tar is not a whole tar archive'):
        find_files([tmp_path / 'x.tar'], '.txt')
