import errno
import os

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.fileio import get_file_backend, put
from mmengine.runner.checkpoint import CheckpointLoader, save_checkpoint

from mmskelssl.engine.checkpoints import SealingBackend, check_seal
from mmskelssl.utils import CheckpointError
from mmskelssl.utils.newest_checkpoint import newest_whole_checkpoint


def content(iteration=1, epoch=1):
    weights = torch.full((50,), float(iteration))
    return dict(state_dict=dict(weight=weights), optimizer={}, meta=dict(iter=iteration, epoch=epoch))


@pytest.fixture(scope='module')
def sealed(tmp_path_factory):
    path = tmp_path_factory.mktemp('sealed') / 'iter_1.pth'
    save_checkpoint(content(), str(path))
    return path


def test_what_mmengine_saves_is_sealed_and_comes_back(sealed):
    assert isinstance(get_file_backend(str(sealed)), SealingBackend)
    check_seal(sealed)
    for load in (CheckpointLoader.load_checkpoint, lambda path: torch.load(path, weights_only=True)):
        assert torch.equal(load(str(sealed))['state_dict']['weight'], torch.ones(50))


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_damage_to_any_byte_is_noticed(sealed, tmp_path_factory, data):
    whole = sealed.read_bytes()
    # The last two bytes before the seal are its length: without it the file counts as another program's.
    end = len(whole) - 66
    position = data.draw(st.integers(0, end - 1) | st.integers(end + 2, len(whole) - 1))
    bit = data.draw(st.integers(0, 7))
    path = tmp_path_factory.mktemp('damaged') / 'iter_1.pth'
    path.write_bytes(whole[:position] + bytes([whole[position] ^ 1 << bit]) + whole[position + 1 :])
    with pytest.raises(CheckpointError, match='damaged'):
        CheckpointLoader.load_checkpoint(str(path))


@pytest.mark.parametrize('kept', [0, 1, 100, -1, -64, -65])
def test_a_file_cut_short_is_noticed(sealed, tmp_path, kept):
    (tmp_path / 'cut.pth').write_bytes(sealed.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match='damaged'):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'cut.pth'))


def test_checkpoints_of_other_programs_have_no_seal_and_pass(tmp_path):
    torch.save(content(), tmp_path / 'other.pth')
    check_seal(tmp_path / 'other.pth')
    assert CheckpointLoader.load_checkpoint(str(tmp_path / 'other.pth'))['meta']['iter'] == 1


def test_other_files_are_written_as_they_are(tmp_path):
    for number, text in enumerate([b'', b'text', b'PK\x05\x06']):
        put(text, str(tmp_path / 'folder' / str(number)))
        assert (tmp_path / 'folder' / str(number)).read_bytes() == text


def test_a_failed_write_leaves_the_old_file(sealed, tmp_path, monkeypatch):
    path = tmp_path / 'iter_1.pth'
    save_checkpoint(content(1), str(path))

    def full(descriptor):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match='No space left'):
        save_checkpoint(content(2), str(path))
    assert [file.name for file in tmp_path.iterdir()] == ['iter_1.pth']
    assert CheckpointLoader.load_checkpoint(str(path))['meta']['iter'] == 1


def test_the_newest_whole_checkpoint_is_resumed_from(tmp_path, caplog):
    assert newest_whole_checkpoint(tmp_path) is None
    for iteration in (9, 10, 11):
        save_checkpoint(content(iteration), str(tmp_path / f'iter_{iteration}.pth'))
    torch.save(dict(weight=torch.ones(1)), tmp_path / 'weights_alone.pth')
    assert newest_whole_checkpoint(tmp_path) == str(tmp_path / 'iter_11.pth')
    whole = (tmp_path / 'iter_11.pth').read_bytes()
    middle = whole.index(b'\x00\x00\x30\x41')  # a weight
    (tmp_path / 'iter_11.pth').write_bytes(whole[:middle] + b'\x01' + whole[middle + 1 :])
    assert newest_whole_checkpoint(tmp_path) == str(tmp_path / 'iter_10.pth')
    (tmp_path / 'iter_10.pth').write_bytes(b'')
    assert newest_whole_checkpoint(tmp_path) == str(tmp_path / 'iter_9.pth')
    (tmp_path / 'iter_9.pth').unlink()
    with pytest.raises(CheckpointError, match='No checkpoint in .* is whole'):
        newest_whole_checkpoint(tmp_path)


def test_the_checkpoint_of_the_last_run_is_newer_than_one_of_more_iterations(tmp_path):
    for iteration, time in ((20, '20260101_120000'), (10, '20260102_120000'), (5, '20260102_110000')):
        checkpoint = content(iteration)
        checkpoint['meta']['time'] = time
        save_checkpoint(checkpoint, str(tmp_path / f'iter_{iteration}.pth'))
    assert newest_whole_checkpoint(tmp_path) == str(tmp_path / 'iter_10.pth')
