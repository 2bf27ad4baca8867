import errno
import os

import pytest

from mmskelssl.utils.files import folder_written_beside, written_beside


def listing(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob('*'))


def test_file_appears_when_it_is_whole(tmp_path):
    with written_beside(tmp_path / 'new' / 'out.txt') as beside:
        beside.write_text('half')
        assert beside.suffix == '.txt' and beside.parent == tmp_path / 'new'
        assert not (tmp_path / 'new' / 'out.txt').exists()
        beside.write_text('whole')
    assert listing(tmp_path) == ['new', 'new/out.txt']
    assert (tmp_path / 'new' / 'out.txt').read_text() == 'whole'


def test_file_is_replaced_at_once_or_kept(tmp_path):
    path = tmp_path / 'out.txt'
    path.write_text('old')
    with pytest.raises(KeyboardInterrupt):
        with written_beside(path) as beside:
            beside.write_text('half')
            raise KeyboardInterrupt
    assert path.read_text() == 'old' and listing(tmp_path) == ['out.txt']
    with written_beside(path) as beside:
        beside.write_text('new')
        assert path.read_text() == 'old'
    assert path.read_text() == 'new'


@pytest.mark.parametrize('umask', [0o022, 0o077])
def test_files_and_folders_are_as_readable_as_the_user_says(tmp_path, umask):
    before = os.umask(umask)
    try:
        with written_beside(tmp_path / 'file') as beside:
            beside.write_text('x')
        with folder_written_beside(tmp_path / 'folder'):
            pass
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    assert (tmp_path / 'file').stat().st_mode & 0o777 == 0o666 & ~umask
    assert (tmp_path / 'folder').stat().st_mode & 0o777 == 0o777 & ~umask


def test_folder_appears_when_it_is_whole(tmp_path):
    with folder_written_beside(tmp_path / 'new' / 'out') as made:
        (made / 'a').write_text('1')
        assert not (tmp_path / 'new' / 'out').exists()
    assert listing(tmp_path) == ['new', 'new/out', 'new/out/a']


def test_folder_of_that_name_is_an_error_before_any_work(tmp_path):
    (tmp_path / 'out').mkdir()
    with pytest.raises(FileExistsError, match='out exists already.*--overwrite'):
        with folder_written_beside(tmp_path / 'out'):
            pytest.fail('must not begin')
    assert listing(tmp_path) == ['out']


@pytest.mark.parametrize('error', [OSError(errno.ENOSPC, 'full'), KeyboardInterrupt()])
def test_interrupted_folder_leaves_the_old_one(tmp_path, error):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'old').write_text('1')
    with pytest.raises(type(error)):
        with folder_written_beside(tmp_path / 'out', overwrite=True) as made:
            (made / 'new').write_text('2')
            raise error
    assert listing(tmp_path) == ['out', 'out/old']


def test_old_folder_is_gone_as_a_whole_after_overwriting(tmp_path):
    (tmp_path / 'out' / 'cache').mkdir(parents=True)
    with folder_written_beside(tmp_path / 'out', overwrite=True) as made:
        (made / 'new').write_text('2')
        assert (tmp_path / 'out' / 'cache').exists()
    assert listing(tmp_path) == ['out', 'out/new']
