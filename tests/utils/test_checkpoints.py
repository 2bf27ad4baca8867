import pickle
import re
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.config import Config
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.runner.checkpoint import CheckpointLoader, save_checkpoint
from torch import nn

import mmskelssl  # noqa: F401  registers safe loading
from mmskelssl.utils.checkpoints import (
    check_weights,
    checkpoint_config,
    load_checkpoint_file,
    newest_whole_checkpoint,
)
from mmskelssl.utils.errors import CheckpointError


class Bomb:
    """Unpickled, it leaves a trace."""

    def __init__(self, trace, call=exec):
        self.trace, self.call = trace, call

    def __reduce__(self):
        if self.call is exec:
            return exec, (f'open({str(self.trace)!r}, "w").close()',)
        return getattr, (Path(self.trace), 'touch')


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'epoch_1.pth'


def test_tensors_and_plain_data_come_back(path):
    content = dict(state_dict=OrderedDict(w=torch.arange(3.0)), meta=dict(epoch=3, names=['a'], rate=0.1, none=None))
    torch.save(content, path)
    loaded = load_checkpoint_file(str(path))
    assert loaded['meta'] == content['meta']
    assert torch.equal(loaded['state_dict']['w'], torch.arange(3.0))


@pytest.mark.parametrize('kind', ['?', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8'])
def test_numbers_and_arrays_of_numpy_come_back(path, kind):
    torch.save(dict(scalar=np.dtype(kind).type(1), array=np.ones((2, 3), kind)), path)
    loaded = load_checkpoint_file(str(path))
    assert loaded['scalar'] == 1 and loaded['scalar'].dtype == kind
    np.testing.assert_array_equal(loaded['array'], np.ones((2, 3), kind))


@pytest.mark.parametrize('module', ['numpy.core.multiarray', 'numpy._core.multiarray'])
def test_what_another_numpy_wrote_comes_back(path, tmp_path, module):
    torch.save(dict(scalar=np.float64(2), array=np.arange(3)), path)
    other = tmp_path / 'other.pth'
    with zipfile.ZipFile(path) as read, zipfile.ZipFile(other, 'w') as written:
        for name in read.namelist():
            written.writestr(name, re.sub(rb'numpy\._?core\.multiarray', module.encode(), read.read(name)))
    loaded = load_checkpoint_file(str(other))
    assert loaded['scalar'] == 2 and loaded['array'].tolist() == [0, 1, 2]


def test_what_mmengine_writes_comes_back(path):
    hub = MessageHub.get_instance('test_checkpoint')
    for value in (3.0, 1.0):
        hub.update_scalar('train/loss', value)
    hub.update_info('iter', 7)
    save_checkpoint(dict(state_dict=nn.Linear(2, 2).state_dict(), message_hub=hub.state_dict()), str(path))
    other = MessageHub.get_instance('test_checkpoint_resumed')
    other.load_state_dict(CheckpointLoader.load_checkpoint(str(path))['message_hub'])
    assert other.get_scalar('train/loss').mean() == 2 and other.get_scalar('train/loss').min() == 1
    assert other.get_info('iter') == 7


@pytest.mark.parametrize('load', [load_checkpoint_file, CheckpointLoader.load_checkpoint])
@pytest.mark.parametrize('call', [exec, getattr])
def test_code_is_refused_and_not_executed(path, tmp_path, load, call):
    trace = tmp_path / 'trace'
    torch.save(dict(state_dict={}, bomb=Bomb(trace, call)), path)
    with pytest.raises(CheckpointError, match='could execute code; it is refused') as caught:
        load(str(path))
    assert_one_line_naming(caught, path)
    assert not trace.exists()
    if call is exec:
        with open(path, 'wb') as file:
            pickle.dump(Bomb(trace), file, protocol=2)
        with pytest.raises(CheckpointError):
            load(str(path))
        assert not trace.exists()


class Lookup:
    """Pickled as getattr of something that checkpoints may name."""

    def __init__(self, owner, name):
        self.arguments = owner, name

    def __reduce__(self):
        return getattr, self.arguments


@pytest.mark.parametrize(
    'owner, name', [(HistoryBuffer, '__init__'), (HistoryBuffer, '_log_history'), (np.ndarray, 'max')]
)
def test_getattr_reaches_nothing_but_the_statistics_of_histories(path, owner, name):
    torch.save(dict(lookup=Lookup(owner, name)), path)
    with pytest.raises(CheckpointError, match=r'\(getattr\(.*\)\).*it is refused'):
        load_checkpoint_file(str(path))


@pytest.mark.parametrize('name', ['current', 'max', 'mean', 'min'])
def test_getattr_reaches_the_statistics_of_histories(path, name):
    torch.save(dict(lookup=Lookup(HistoryBuffer, name)), path)
    assert load_checkpoint_file(str(path))['lookup'] is getattr(HistoryBuffer, name)


def test_missing_file(tmp_path):
    with pytest.raises(CheckpointError, match=r'not found: .*nowhere\.pth'):
        load_checkpoint_file(str(tmp_path / 'nowhere.pth'))


@pytest.mark.parametrize('keep', [0, 10, 200, -1, -100])
def test_damaged_file(path, keep):
    torch.save(dict(state_dict=dict(w=torch.randn(100))), path)
    path.write_bytes(path.read_bytes()[:keep])
    assert_is_no_checkpoint(path)


@pytest.mark.parametrize(
    'content',
    [b'', b'junk', b'PK\x03\x04junk', bytes(1000), b'{"a": 1}', b'import os', b'\x89PNG\r\n\x1a\n', b'\xcd' * 99],
)
def test_file_that_is_no_checkpoint(path, content):
    path.write_bytes(content)
    assert_is_no_checkpoint(path)


def assert_is_no_checkpoint(path):
    with pytest.raises(CheckpointError, match='is damaged or not a PyTorch checkpoint') as caught:
        load_checkpoint_file(str(path))
    assert_one_line_naming(caught, path)


def assert_one_line_naming(caught, path):
    message = str(caught.value)
    assert message.startswith(f'Checkpoint {path} ') and '\n' not in message and 'weights_only' not in message


def test_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match=f'{tmp_path} cannot be read: Is a directory'):
        load_checkpoint_file(str(tmp_path))


@pytest.mark.parametrize(
    'weights, message',
    [
        (nn.Linear(4, 2).state_dict(), r'its weight has shape \(2, 4\) instead of \(2, 3\)'),
        (nn.Linear(3, 2, bias=False).state_dict(), 'it lacks bias'),
        ({**nn.Linear(3, 2).state_dict(), 'extra': torch.ones(1)}, 'it has an extra extra'),
        ({str(n): torch.ones(1) for n in range(9)}, 'it lacks weight; it lacks bias; it has an extra 0.*and 7 more'),
    ],
)
def test_weights_that_do_not_fit_are_named(weights, message):
    with pytest.raises(CheckpointError, match=f"^Checkpoint x is of another .* config's Linear: .*{message}"):
        check_weights(weights, nn.Linear(3, 2), 'Checkpoint x')
    assert check_weights(nn.Linear(3, 2).state_dict(), nn.Linear(3, 2), 'Checkpoint x') is None


def test_config_of_a_checkpoint_is_what_was_written():
    cfg = Config(
        dict(model=dict(type='A', sizes=[1, -2.5], pair=(None, True), **{'a b': dict(c='d')}), hooks=[dict(type='B')])
    )
    assert checkpoint_config(dict(meta=dict(cfg=cfg.pretty_text)), 'x.pth').to_dict() == cfg.to_dict()


@pytest.mark.parametrize(
    'text', ['import os', 'a = open("{trace}", "w")', 'a = dict(b=exec("1"))', 'a = b', 'a = (', 'open("{trace}", "w")']
)
def test_config_with_code_is_refused_and_not_executed(text, tmp_path):
    trace = tmp_path / 'trace'
    with pytest.raises(CheckpointError, match=r'config in checkpoint x\.pth is not the plain data.*give the config'):
        checkpoint_config(dict(meta=dict(cfg=text.format(trace=trace))), 'x.pth')
    assert not trace.exists()


@pytest.mark.parametrize('checkpoint', [{}, dict(meta={}), dict(meta=dict(cfg=''))])
def test_checkpoint_without_config(checkpoint):
    with pytest.raises(CheckpointError, match=r'x\.pth carries no config: give the config'):
        checkpoint_config(checkpoint, 'x.pth')


def content(iteration=1, time='20260101_120000'):
    """A checkpoint of training, as far as resuming asks for it."""
    weights = torch.full((50,), float(iteration))
    meta = dict(iter=iteration, epoch=1, time=time)
    return dict(state_dict=dict(weight=weights, bias=weights[:7].double()), optimizer={}, meta=meta)


@pytest.fixture(scope='module')
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp('saved') / 'iter_1.pth'
    save_checkpoint(content(), str(path))
    return path


def stored_positions(path):
    """Positions of all bytes of a checkpoint that hold stored data; the rest is headers and padding."""
    whole = path.read_bytes()
    positions = []
    for entry in zipfile.ZipFile(path).infolist():
        lengths = entry.header_offset + 26  # of name and extra field, two bytes each
        name, extra = (int.from_bytes(whole[lengths + i : lengths + i + 2], 'little') for i in (0, 2))
        start = entry.header_offset + 30 + name + extra
        positions += range(start, start + entry.file_size)
    return positions


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_a_flipped_bit_of_stored_data_is_noticed(saved, tmp_path_factory, data):
    damaged = bytearray(saved.read_bytes())
    position = data.draw(st.sampled_from(stored_positions(saved)))
    damaged[position] ^= 1 << data.draw(st.integers(0, 7))
    folder = tmp_path_factory.mktemp('damaged')
    (folder / 'iter_1.pth').write_bytes(damaged)
    with pytest.raises(CheckpointError, match='damaged'):
        CheckpointLoader.load_checkpoint(str(folder / 'iter_1.pth'))
    with pytest.raises(CheckpointError, match='No checkpoint in .* is whole'):
        newest_whole_checkpoint(folder)


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_a_cut_file_is_noticed(saved, tmp_path_factory, data):
    whole = saved.read_bytes()
    folder = tmp_path_factory.mktemp('cut')
    (folder / 'iter_1.pth').write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(CheckpointError, match='damaged'):
        CheckpointLoader.load_checkpoint(str(folder / 'iter_1.pth'))
    with pytest.raises(CheckpointError, match='No checkpoint in .* is whole'):
        newest_whole_checkpoint(folder)


def test_the_newest_whole_checkpoint_is_resumed_from(tmp_path):
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
        save_checkpoint(content(iteration, time), str(tmp_path / f'iter_{iteration}.pth'))
    assert newest_whole_checkpoint(tmp_path) == str(tmp_path / 'iter_10.pth')


@pytest.mark.parametrize('value', [float('nan'), float('inf'), -float('inf')])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.float64])
@pytest.mark.parametrize('is_bare', [True, False])
def test_weights_that_are_not_finite_are_refused(tmp_path, value, dtype, is_bare):
    weights = dict(good=torch.ones(2), steps=torch.tensor(3), bad=torch.tensor([1, value], dtype=dtype))
    torch.save(weights if is_bare else dict(state_dict=weights, meta=dict(iter=1)), tmp_path / 'x.pth')
    with pytest.raises(CheckpointError, match=r'x.pth holds weights that are not finite: bad .*an earlier checkpoint'):
        load_checkpoint_file(str(tmp_path / 'x.pth'))
    weights['bad'] = torch.ones(1, dtype=dtype)
    torch.save(weights, tmp_path / 'x.pth')
    assert load_checkpoint_file(str(tmp_path / 'x.pth'))['steps'] == 3
