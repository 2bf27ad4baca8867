import functools
import os
import pickle
import struct
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmskelssl.converters import pickles
from mmskelssl.converters.pickles import load_plain_pickle
from mmskelssl.utils.errors import StoreError

ARRAYS = [
    np.arange(24, dtype=np.float16).reshape(2, 3, 4),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(12, dtype='>i4')[::2],
    np.array(['a', 'äöü']),
    np.array([True, False]),
    np.zeros((0, 3), np.float32),
    np.array(2.5),
]
VALUE = {
    'split': dict(train=['a', 'b'], test=('c',)),
    'annotations': [dict(frame_dir='a', label=np.int64(3), img_shape=(1080, 1920), keypoint=ARRAYS[0])],
    'numbers': [0, -1, 255, 70_000, 1 << 40, -(1 << 80), 0.25, np.float32(1.5), True, False, None, np.bool_(True)],
    'nested': [[], (), {}, ((1, 2), [3, {4: 5}])],
}


@pytest.fixture
def load(tmp_path):
    def load(content: bytes):
        path = tmp_path / 'file.pkl'
        path.write_bytes(content)
        return load_plain_pickle(path)

    return load


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_are_those_that_were_saved(load, protocol):
    loaded = load(pickle.dumps(VALUE, protocol))
    np.testing.assert_equal(loaded, VALUE)
    assert type(loaded['annotations'][0]['label']) is int


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize('array', ARRAYS, ids=lambda array: f'{array.dtype}{array.shape}')
def test_arrays_of_all_kinds_and_protocols(load, array, protocol):
    for loaded in load(pickle.dumps([array, array], protocol)):
        assert type(loaded) is np.ndarray and loaded.dtype == array.dtype and loaded.shape == array.shape
        np.testing.assert_array_equal(loaded, array)


@pytest.mark.parametrize('old, new', [(b'numpy._core', b'numpy.core'), (b'numpy.core', b'numpy._core')])
def test_old_and_new_numpy(load, old, new):
    np.testing.assert_equal(load(pickle.dumps(VALUE, 0).replace(old, new)), VALUE)


def test_files_of_python_2(load):
    # (['S001', 'S002'], [0, 1]) by protocol 0, and array([1., 2.], '<f4') by protocol 2.
    assert load(b"((lp0\nS'S001'\np1\naS'S002'\np2\na(lp3\nI0\naI1\natp4\n.") == (['S001', 'S002'], [0, 1])
    array = pickle.dumps(np.array([1, 2], '<f4'), 3)
    content = struct.pack('<2f', 1, 2)
    python2 = array.replace(b'C\x08' + content, b'U\x08' + content).replace(b'\x80\x03', b'\x80\x02')
    assert b'U\x08' in python2
    np.testing.assert_array_equal(load(python2), np.array([1, 2], np.float32))


def test_containers_may_be_shared_and_hold_themselves(load):
    inner = [np.ones(2)]
    value = [inner, inner, (inner, inner)]
    value.append(value)
    loaded = load(pickle.dumps(value, 4))
    assert loaded[3] is loaded and loaded[0] is loaded[1] is loaded[2][0] is loaded[2][1]
    np.testing.assert_array_equal(loaded[0][0], np.ones(2))


def test_many_references_to_one_tuple_take_no_time(load):
    value = (np.ones(2),)
    for _ in range(100):
        value = value, value
    loaded = load(pickle.dumps(value, 4))
    for _ in range(100):
        assert loaded[0] is loaded[1]
        loaded = loaded[0]
    np.testing.assert_array_equal(loaded[0], np.ones(2))


class Evil:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Slot:
    pass


def evil_values(path):
    return {
        'system': Evil(os.system, f'touch {path}'),
        'open': Evil(open, str(path), 'w'),
        'eval': Evil(eval, f'open({str(path)!r}, "w")'),
        'partial': Evil(functools.partial, os.mkdir, str(path)),
        'numpy': Evil(np.save, str(path), np.ones(1)),
        'getattr': Evil(getattr, 'text', 'upper'),
        'in an array of objects': np.array([Evil(os.system, f'touch {path}')], dtype=object),
        'as a key': {Evil(os.system, f'touch {path}'): 1},
        'in a dtype': Evil(np.dtype, Evil(os.system, f'touch {path}')),
        'import': Evil(__import__, 'os'),
        'method': Evil(Path(path).touch),
        'attribute of ndarray': np.ones(1).tofile,
    }


@pytest.mark.parametrize('protocol', [0, 2, 4, pickle.HIGHEST_PROTOCOL])
@pytest.mark.parametrize('kind', evil_values(''))
def test_code_is_refused_and_does_not_run(load, tmp_path, kind, protocol):
    trace = tmp_path / 'trace'
    content = pickle.dumps([1, evil_values(trace)[kind]], protocol)
    with pytest.raises(StoreError, match=r"file\.pkl holds (the code|an array of type 'O).*is refused"):
        load(content)
    assert not any(tmp_path.glob('trace*'))
    # The same bytes do run in an unpickler, or the test would show nothing.
    if kind in ('system', 'open', 'eval'):
        pickle.loads(content)
        assert trace.exists()


@pytest.mark.parametrize(
    'name', [('numpy', 'ndarray.tofile'), ('numpy', 'core.multiarray.scalar.__globals__'), ('numpy.core', 'multiarray')]
)
def test_nested_names_are_refused(load, name):
    """A name with dots walks through attributes in an ordinary unpickler."""
    content = pickle.dumps(name, 4)[:-1].replace(pickle.TUPLE2, pickle.STACK_GLOBAL) + pickle.STOP
    assert pickle.STACK_GLOBAL in content
    with pytest.raises(StoreError, match=rf"holds the code '{name[0]}\.{name[1]}' and is refused: save it again"):
        load(content)


@pytest.mark.parametrize(
    'value, holds',
    [
        (Slot(), "the code '"),
        (OrderedDict(a=1), "the code 'collections.OrderedDict'"),
        (np.array([None]), "an array of type 'O8'"),
        (np.zeros(1, [('a', 'f4')]), "an array of type 'V4'"),
        (np.array([1j]), "an array of type 'c16'"),
        (1j, "the code 'builtins.complex'"),
    ],
)
def test_other_objects_are_refused(load, value, holds):
    with pytest.raises(StoreError) as error:
        load(pickle.dumps(value, 4))
    assert holds in str(error.value) and '\n' not in str(error.value)


def build(name, arguments, state):
    """A pickle that calls what is admitted under a name, if there are arguments, and gives it a state."""
    call = '\n'.join(['c' + name[0], name[1], '']).encode()
    if arguments is not None:
        call += pickle.dumps(arguments, 2)[2:-1] + pickle.REDUCE
    return pickle.PROTO + b'\x02' + call + pickle.dumps(state, 2)[2:-1] + pickle.BUILD + pickle.STOP


NAMES = sorted(pickles._CALLS)


@pytest.mark.parametrize('name', NAMES, ids='.'.join)
@pytest.mark.parametrize(
    'state', [(None, {'__defaults__': (1,)}), {'evil': 1}, (None, {'__class__': 1}), (None, {'fullmatch': 1})]
)
def test_what_is_admitted_cannot_be_changed(load, name, state):
    before = {key: dict(vars(call)) for key, call in pickles._CALLS.items() if hasattr(call, '__dict__')}
    defaults = {key: getattr(call, '__defaults__', None) for key, call in pickles._CALLS.items()}
    try:
        load(build(name, None, state))
    except StoreError as error:
        assert 'is not a whole pickle' in str(error)
    assert before == {key: dict(vars(call)) for key, call in pickles._CALLS.items() if hasattr(call, '__dict__')}
    assert defaults == {key: getattr(call, '__defaults__', None) for key, call in pickles._CALLS.items()}


def test_a_forged_type_does_not_make_objects_of_bytes(load):
    """The state of a type has its size, fields and flags: those of objects would read any memory."""
    forged = (3, '<', None, None, None, 1 << 30, 1, 63)
    loaded = load(build(('numpy', 'dtype'), ('f4',), forged))
    assert loaded.dtype == np.dtype('<f4') and not loaded.dtype.hasobject and np.dtype('f4').itemsize == 4


@pytest.mark.parametrize(
    'name, arguments',
    [
        (('numpy', 'dtype'), ([('a', 'O')],)),
        (('numpy', 'dtype'), ('O',)),
        (('_codecs', 'encode'), ('text', 'zlib')),
        (('numpy.core.multiarray', 'scalar'), ('f8', b'12345678')),
        (('numpy.core.numeric', '_frombuffer'), (b'1234', 'f4', (1,), 'C')),
    ],
)
def test_calls_with_other_arguments_are_refused(load, name, arguments):
    with pytest.raises(StoreError, match=r'file\.pkl (holds an array of type|is not a whole pickle)'):
        load(build(name, arguments, None))


def test_an_array_is_not_made_before_its_content(load):
    """``ndarray(shape)`` would take memory, and show what was in it."""
    assert load(pickle.PROTO + b'\x02cnumpy\nndarray\n' + pickle.dumps(((1 << 40,),), 2)[2:-1] + b'R.') is None


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'\x80\x04',
        b'.',
        b'(.',
        b'\x80\x04]q\x00h\x07.',  # memo 7 was never written
        b'}(K\x01u.',  # a key without a value
        b'K\x01K\x02a.',  # append to a number
        b'\x8e' + b'\xff' * 8 + b'.',  # bytes of 2 ** 64 - 1
        b'L' + b'9' * 10_000 + b'L\n.',
        b'cnumpy\ndtype\nK\x01R.',
        b'(' * 1000 + b't' * 999,
    ],
)
def test_damaged_files_are_named(load, content):
    with pytest.raises(StoreError, match=r'file\.pkl (is not a whole pickle|cannot be read)'):
        load(content)


def forged_array(shape):
    """A pickle of an array of its own claims."""
    plain = pickle.dumps(np.zeros(2, np.float32), 2)
    assert plain.count(b'K\x02\x85') == 1
    return plain.replace(b'K\x02\x85', pickle.dumps(shape, 2)[2:-1])


@pytest.mark.parametrize('shape', [(1 << 40,), (3,), (-2, -1), (1 << 62, 1 << 62, 0), (1,) * 40, (2.0,), ((2,),)])
def test_arrays_that_claim_another_size_take_no_memory(load, shape):
    np.testing.assert_array_equal(load(forged_array((2,))), [0, 0])
    with pytest.raises(StoreError, match='is not a whole pickle'):
        load(forged_array(shape))


def test_missing_file(tmp_path):
    with pytest.raises(StoreError, match=r'none\.pkl cannot be read: No such file'):
        load_plain_pickle(tmp_path / 'none.pkl')


@pytest.fixture(scope='module')
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp('fuzz') / 'file.pkl'


def loads_or_is_refused(path, content):
    path.write_bytes(content)
    try:
        load_plain_pickle(path)
    except StoreError as error:
        assert str(path) in str(error)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), protocol=st.sampled_from([0, 2, 4, 5]))
def test_changed_bytes_never_crash(scratch, data, protocol):
    content = bytearray(pickle.dumps([VALUE, ARRAYS], protocol))
    changes = st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=6)
    for position, value in data.draw(changes):
        content[position] = value
    loads_or_is_refused(scratch, bytes(content[: data.draw(st.integers(0, len(content)))]))
