import tarfile
import zipfile

import pytest

from mmskelssl.converters.raw_files import list_files
from mmskelssl.utils.errors import ClipError, StoreError

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
    files = list(list_files([packed(tmp_path / name, root) if name else root], '.txt'))
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
    (file,) = list_files([tmp_path / 'x.tar'], '.txt')
    with pytest.raises(ClipError, match='outside.txt: the path leaves the archive'):
        file.read(100)


def test_tar_archive_with_a_size_beyond_its_end(tmp_path):
    with tarfile.open(tmp_path / 'x.tar', 'w') as archive:
        info = tarfile.TarInfo('a.txt')
        info.size = 1 << 40
        archive.addfile(info)
    with pytest.raises(StoreError, match='x.tar is not a whole tar archive'):
        list(list_files([tmp_path / 'x.tar'], '.txt'))


def test_what_is_neither_folder_nor_archive(tmp_path):
    (tmp_path / 'x.txt').write_text('text')
    with pytest.raises(StoreError, match='x.txt is not a whole zip archive'):
        list(list_files([tmp_path / 'x.txt'], '.txt'))
    with pytest.raises(StoreError, match='nowhere does not exist'):
        list(list_files([tmp_path / 'nowhere'], '.txt'))
