"""Pickles of arrays and plain containers, read by an unpickler that knows nothing else.

The names that a pickle of NumPy's arrays refers to stand for functions of this file. NumPy's own would not be safe: a
dtype trusts the state that it is given, and an array of such a type may read or write any memory.
"""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from mmskelssl.converters.messages import shown
from mmskelssl.utils.errors import StoreError

# Booleans, numbers, and text; never objects.
_CODE = re.compile(r'b1|[iu][1248]|f[248]|[US]\d{1,6}')


def load_plain_pickle(path: str | os.PathLike) -> Any:
    """Reads a pickle of ``None``, booleans, numbers, text, plain containers and NumPy arrays.

    Args:
        path: The file; any pickle protocol, written by Python 2 or 3.

    Raises:
        StoreError: If the file is missing, damaged, or holds anything else. The message names the file and what it
            holds.
    """
    try:
        with open(path, 'rb') as file:
            return _plain(_Unpickler(file, encoding='latin-1').load(), {})
    except _Refused as error:
        raise StoreError(
            f'{path} holds {error} and is refused: save it again with arrays, numbers, text, lists and dicts only.'
        ) from error
    except OSError as error:
        raise StoreError(f'{path} cannot be read: {error.strerror}.') from error
    # Bytes that are not a pickle make the unpickler fail in many ways.
    except Exception as error:
        raise StoreError(f'{path} is not a whole pickle: copy or download it again. ({error})') from error


class _Refused(Exception):
    """What the pickle holds that it may not."""


class _DType:
    def __init__(self, code: Any, *_: Any) -> None:
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            raise _Refused(f'an array of type {shown(code)}')
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple) -> None:
        # (version, byte order, ...): the rest is about fields and objects.
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
    """An array, which is complete when its state is known."""

    def __init__(self, *_: Any) -> None:
        self.array: np.ndarray | None = None

    def __setstate__(self, state: tuple) -> None:
        # (version, shape, dtype, whether in Fortran's order, content); the oldest have no version.
        shape, dtype, is_fortran, content = state[-4:]
        self.array = _make_array(content, dtype, shape, 'F' if is_fortran else 'C')


def _make_array(content: Any, dtype: _DType, shape: Any, order: Literal['C', 'F'] = 'C') -> np.ndarray:
    data = content.encode('latin-1') if isinstance(content, str) else content  # text in files of Python 2
    array = np.ndarray(shape, dtype.dtype, data, order=order)
    if array.nbytes != len(data):
        raise ValueError(f'{len(data)} bytes for an array of {array.nbytes}')
    return array


def _make_bytes(text: str = '', encoding: str = 'latin1') -> bytes:
    if encoding != 'latin1':
        raise ValueError(f'bytes written as {shown(encoding)}')
    return text.encode('latin-1')


_CALLS: dict[tuple[str, str], Callable[..., Any]] = {
    ('numpy', 'ndarray'): _Array,
    ('numpy', 'dtype'): _DType,
    # How protocols 0 to 2 write bytes, and none.
    ('_codecs', 'encode'): _make_bytes,
    ('__builtin__', 'bytes'): _make_bytes,
    **{
        (f'numpy.{core}.{module}', name): call
        for core in ('core', '_core')
        for module, name, call in (
            ('multiarray', '_reconstruct', _Array),
            ('multiarray', 'scalar', lambda dtype, content: _make_array(content, dtype, ()).item()),
            ('numeric', '_frombuffer', _make_array),
        )
    },
}


# The one in Python: that in C, hardly faster here, takes gigabytes of memory for a number in a damaged file.
class _Unpickler(pickle._Unpickler):
    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        if (module, name) not in _CALLS:
            raise _Refused(f'the code {f"{module}.{name}"[:80]!r}')
        call = _CALLS[module, name]
        # A pickle can set attributes of what it is given: a new function each time keeps that from ours.
        return lambda *arguments: call(*arguments)


def _plain(value: Any, known: dict[int, tuple[Any, Any]]) -> Any:
    """The same with arrays in place of what stood for them.

    Args:
        value: What the unpickler made.
        known: Container by its identity, with its result: a pickle may refer to one many times, also from inside.
    """
    if isinstance(value, _Array):
        return value.array
    if not isinstance(value, (list, tuple, dict)):
        return value
    if id(value) not in known:
        known[id(value)] = value, value
        if isinstance(value, tuple):
            known[id(value)] = value, tuple(_plain(item, known) for item in value)
        else:
            for key, item in value.items() if isinstance(value, dict) else enumerate(value):
                value[key] = _plain(item, known)
    return known[id(value)][1]
