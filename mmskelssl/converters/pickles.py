"""Pickles of arrays and plain containers, read without unpickling: nothing in a file can call anything.

A pickle is a program for a small stack machine, some of whose instructions import and call functions. This is such a
machine without an import: it knows the few names that stand for NumPy's arrays, numbers and types, in NumPy's old and
new spelling and in all protocols, makes these itself, and refuses every other. The standard library's
:mod:`pickletools` decodes the instructions.
"""

from __future__ import annotations

import math
import mmap
import os
import pickletools
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, NoReturn

import numpy as np

from mmskelssl.utils.errors import StoreError

# Booleans, numbers, and text; never objects.
_DTYPE = re.compile(r'b1|[iu][1248]|f[248]|[US]\d{1,6}')
_BYTE_ORDERS = ('<', '>', '|', '=')
_MAX_DIMENSIONS = 8
# Instructions that carry bytes: the length of the field before them.
_BYTES = {'SHORT_BINBYTES': 1, 'BINBYTES': 4, 'BINBYTES8': 8, 'BYTEARRAY8': 8}
_VALUES = {
    *('INT', 'BININT', 'BININT1', 'BININT2', 'LONG', 'LONG1', 'LONG4', 'FLOAT', 'BINFLOAT'),
    *('STRING', 'BINSTRING', 'SHORT_BINSTRING', 'UNICODE', 'BINUNICODE', 'SHORT_BINUNICODE', 'BINUNICODE8'),
}
_CONSTANTS: dict[str, Callable[[], Any]] = {
    'NONE': lambda: None,
    'NEWTRUE': lambda: True,
    'NEWFALSE': lambda: False,
    'EMPTY_LIST': list,
    'EMPTY_TUPLE': tuple,
    'EMPTY_DICT': dict,
}


def load_plain_pickle(path: str | os.PathLike) -> Any:
    """Reads a pickle of ``None``, booleans, numbers, text, lists, tuples, dicts and NumPy arrays.

    Arrays are read-only views of the mapped file: a file of any size takes little memory.

    Args:
        path: The file; any pickle protocol, written by Python 2 or 3.

    Raises:
        StoreError: If the file is missing, damaged, or holds anything else. The message names the file and what it
            holds.
    """
    try:
        with open(path, 'rb') as file:
            # The map is closed with the last array that looks into it. Instructions are read past it: their bytes would
            # stay in memory.
            content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            return _Machine(content).run(file)
    except _Refused as error:
        raise StoreError(
            f'{path} holds {error} and is refused: save it again with arrays and plain containers only.'
        ) from error
    except OSError as error:
        raise StoreError(f'{path} cannot be read: {error.strerror}.') from error
    # The decoder and the machine stumble in many ways over what is no pickle.
    except (ValueError, TypeError, LookupError, OverflowError, AttributeError, MemoryError) as error:
        raise StoreError(f'{path} is no whole pickle: copy or download it again. ({error})') from error


class _Refused(Exception):
    """What the pickle holds that it may not."""


@dataclass(frozen=True)
class _Name:
    """A name that is known, and what stands for a call of it."""

    call: Callable[..., Any]


@dataclass
class _DType:
    code: str
    order: str = '='

    def set_state(self, state: tuple) -> _DType:
        # (version, byte order, ...): the rest is about fields and objects.
        if state[1] not in _BYTE_ORDERS:
            raise ValueError(f'byte order {state[1]!r}')
        self.order = state[1]
        return self

    def make(self) -> np.dtype:
        return np.dtype(self.code).newbyteorder(self.order)


class _Array:
    """An array before its state is known; the state replaces it by the array."""

    array: np.ndarray | None = None

    def set_state(self, state: tuple) -> np.ndarray:
        # (version, shape, dtype, whether in Fortran's order, content); the oldest have no version.
        shape, dtype, fortran, content = state[-4:]
        self.array = _make_array(content, dtype, shape, 'F' if fortran else 'C')
        return self.array


def _make_dtype(code: Any, *_: Any) -> _DType:
    if not isinstance(code, str) or not _DTYPE.fullmatch(code):
        raise _Refused(f'an array of type {str(code)[:20]!r}')
    return _DType(code)


def _make_array(content: Any, dtype: Any, shape: Any, order: str = 'C') -> np.ndarray:
    if not isinstance(dtype, _DType):
        raise ValueError('an array without a type')
    if (
        not isinstance(shape, tuple)
        or len(shape) > _MAX_DIMENSIONS
        or not all(type(n) is int and n >= 0 for n in shape)
    ):
        raise ValueError('the shape of an array')
    if isinstance(content, str):  # from Python 2
        content = content.encode('latin-1')
    made = dtype.make()
    if not isinstance(content, (bytes, memoryview)) or len(content) != math.prod(shape) * made.itemsize:
        raise ValueError('an array whose content does not fill its shape')
    return np.ndarray(shape, made, content, order='F' if order == 'F' else 'C')


def _make_scalar(dtype: Any, content: Any) -> Any:
    return _make_array(content, dtype, ()).item()


def _make_bytes(text: Any, encoding: Any) -> bytes:
    if encoding != 'latin1':
        raise ValueError(f'bytes written as {encoding!r}')
    return text.encode('latin-1')


_NAMES = {
    'numpy ndarray': _Name(_Array),
    'numpy dtype': _Name(_make_dtype),
    '_codecs encode': _Name(_make_bytes),
    '__builtin__ bytes': _Name(lambda: b''),  # how old protocols write none
    'collections OrderedDict': _Name(lambda: {}),
    **{
        f'numpy.{core}.{name}': _Name(call)
        for core in ('core', '_core')
        for name, call in {
            'multiarray _reconstruct': lambda *_: _Array(),
            'multiarray scalar': _make_scalar,
            'numeric _frombuffer': _make_array,
        }.items()
    },
}


class _Machine:
    """Runs the instructions of one pickle; the method ``op_x`` is the instruction X.

    Args:
        content: The pickle.
    """

    def __init__(self, content: memoryview) -> None:
        self.content = content
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.position = 0

    def run(self, file: BinaryIO) -> Any:
        steps: dict[str, Callable[[Any], None]] = {
            opcode.name: getattr(self, f'op_{opcode.name.lower()}', self.refuse) for opcode in pickletools.opcodes
        }
        steps |= dict.fromkeys(_VALUES, self.stack.append)
        steps |= {name: partial(self.push_new, make) for name, make in _CONSTANTS.items()}
        steps |= {name: partial(self.push_bytes, width) for name, width in _BYTES.items()}
        for opcode, argument, position in pickletools.genops(file):
            self.position = position
            if opcode.name == 'STOP':
                (value,) = self.stack
                return value
            steps[opcode.name](argument)
        raise ValueError('it has no end')

    def refuse(self, argument: Any) -> NoReturn:
        raise _Refused(f'objects of a program (at byte {self.position})')

    def push_new(self, make: Callable[[], Any], _: None) -> None:
        self.stack.append(make())

    def push_bytes(self, width: int, argument: bytes | bytearray) -> None:
        start = self.position + 1 + width
        self.stack.append(self.content[start : start + len(argument)])

    def taken(self) -> list[Any]:
        """Takes what lies above the last mark, and the mark, from the stack."""
        at = self.marks.pop()
        items = self.stack[at:]
        del self.stack[at:]
        return items

    def top(self, kind: type) -> Any:
        if not isinstance(self.stack[-1], kind):
            raise ValueError(f'no {kind.__name__} where one has to be')
        return self.stack[-1]

    def set_items(self, items: list[Any]) -> None:
        target = self.top(dict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            # The hash of tuples in tuples without end would overflow the interpreter's stack.
            if not isinstance(key, (str, int, float, bytes, type(None))):
                raise _Refused(f'a dict with a key of type {type(key).__name__}')
            target[key] = value

    def op_proto(self, version: int) -> None: ...

    def op_frame(self, length: int) -> None: ...

    def op_mark(self, _: None) -> None:
        self.marks.append(len(self.stack))

    def op_pop(self, _: None) -> None:
        if self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()
        else:
            self.stack.pop()

    def op_pop_mark(self, _: None) -> None:
        self.taken()

    def op_dup(self, _: None) -> None:
        self.stack.append(self.stack[-1])

    def op_put(self, key: int) -> None:
        self.memo[key] = self.stack[-1]

    op_binput = op_long_binput = op_put

    def op_memoize(self, _: None) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def op_get(self, key: int) -> None:
        value = self.memo[key]
        known = isinstance(value, _Array) and value.array is not None
        self.stack.append(value.array if known else value)

    op_binget = op_long_binget = op_get

    def op_list(self, _: None) -> None:
        self.stack.append(self.taken())

    def op_tuple(self, _: None) -> None:
        self.stack.append(tuple(self.taken()))

    def op_tuple1(self, _: None) -> None:
        self.stack[-1:] = [tuple(self.stack[-1:])]

    def op_tuple2(self, _: None) -> None:
        self.stack[-2:] = [tuple(self.stack[-2:])]

    def op_tuple3(self, _: None) -> None:
        self.stack[-3:] = [tuple(self.stack[-3:])]

    def op_dict(self, _: None) -> None:
        items = self.taken()
        self.stack.append({})
        self.set_items(items)

    def op_append(self, _: None) -> None:
        item = self.stack.pop()
        self.top(list).append(item)

    def op_appends(self, _: None) -> None:
        items = self.taken()
        self.top(list).extend(items)

    def op_setitem(self, _: None) -> None:
        items = self.stack[-2:]
        del self.stack[-2:]
        self.set_items(items)

    def op_setitems(self, _: None) -> None:
        self.set_items(self.taken())

    def op_global(self, name: str) -> None:
        if name not in _NAMES:
            raise _Refused(f'the code {name.replace(" ", ".")[:80]!r}')
        self.stack.append(_NAMES[name])

    def op_stack_global(self, _: None) -> None:
        module, name = self.stack.pop(-2), self.stack.pop()
        self.op_global(f'{module} {name}')

    def op_reduce(self, _: None) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, _Name) or not isinstance(arguments, tuple):
            raise ValueError('a call of what is no function')
        self.stack.append(function.call(*arguments))

    def op_build(self, _: None) -> None:
        state, made = self.stack.pop(), self.stack.pop()
        if not isinstance(made, (_Array, _DType)) or not isinstance(state, tuple):
            raise _Refused('objects with a state of their own')
        self.stack.append(made.set_state(state))
