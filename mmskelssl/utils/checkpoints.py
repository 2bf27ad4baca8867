"""Reading checkpoints: without executing code, whole, and the newest one of a run."""

from __future__ import annotations

import ast
import codecs
import importlib
import logging
import os
import pickle
import re
import zipfile
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn

from mmskelssl.utils.config import without_scope
from mmskelssl.utils.errors import CheckpointError


def _history_method(owner: type, name: str) -> Callable:
    """The only ``getattr`` that MMEngine's checkpoints need: a history buffer names its statistics (mean, max ...)."""
    if owner is not HistoryBuffer or name not in ('current', 'max', 'mean', 'min'):
        raise pickle.UnpicklingError(f'getattr({owner}, {name!r}) is not allowed.')
    return getattr(owner, name)


def _named(function: Callable, module: str, name: str) -> Callable:
    """The function under the name that stands in pickles, by which torch.load looks it up."""

    def named(*args):
        return function(*args)

    named.__module__, named.__name__, named.__qualname__ = module, name, name
    return named


# What MMEngine writes into its checkpoints beside tensors (the message hub's histories): all of it is plain data.
# `scalar` and `_reconstruct` are the pickle names of NumPy scalars and arrays, in a module that NumPy 2 renamed; with
# bytes inside, which torch allows by itself since 2.5.
_MULTIARRAY = importlib.import_module('numpy._core.multiarray' if hasattr(np, '_core') else 'numpy.core.multiarray')
_MODULES = ('numpy.core.multiarray', 'numpy._core.multiarray')
_DTYPES = [type(np.dtype(kind)) for kind in ('?', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8')]
_SAFE_TYPES = [
    *(HistoryBuffer, deque, codecs.encode, np.ndarray, np.dtype, *_DTYPES),
    # The real one would reach any code.
    _named(_history_method, 'builtins', 'getattr'),
    *(_named(getattr(_MULTIARRAY, name), module, name) for name in ('scalar', '_reconstruct') for module in _MODULES),
]

# Bytes read at a time.
_CHUNK = 1 << 20

# What torch says when it meets code, rather than bytes that are not a checkpoint; the groups give the code's name.
_CODE = re.compile(r'GLOBAL ([\w.]+)|(getattr\(.*?\)) is not allowed|(?:unrecognized function|but got) (<.+?>)')


def load_checkpoint_file(filename: str, map_location: str | torch.device | None = None, mmap: bool = False) -> dict:
    """Reads a checkpoint of plain data and tensors.

    Args:
        filename: Path of the file.
        map_location: As for :func:`torch.load`.
        mmap: Whether to read tensors only when they are used, without checking them for damage or NaN.

    Raises:
        CheckpointError: If the file is missing, unreadable, damaged, holds anything that would execute code, or weights
            that are not finite.
    """
    try:
        check_crc(filename, tensors=not mmap)
        checkpoint = torch.load(filename, map_location=map_location, weights_only=True, mmap=mmap)
    except FileNotFoundError as error:
        raise CheckpointError(f'Checkpoint not found: {filename}. Check the path.') from error
    except OSError as error:
        raise CheckpointError(f'Checkpoint {filename} cannot be read: {error.strerror}.') from error
    except CheckpointError:
        raise
    # A file that is not a checkpoint can make the parser fail in any way.
    except Exception as error:
        if isinstance(error, pickle.UnpicklingError) and (code := _CODE.search(str(error))):
            raise CheckpointError(
                f'Checkpoint {filename} holds more than tensors and plain data ({next(filter(None, code.groups()))}), '
                'and reading it could execute code; it is refused. If it is a training checkpoint of another program, '
                'save its state_dict alone.'
            ) from error
        raise CheckpointError(
            f'Checkpoint {filename} is damaged or not a PyTorch checkpoint ({Path(filename).stat().st_size:,} bytes): '
            'copy it again, or use another.'
        ) from error
    if not isinstance(checkpoint, dict):
        raise CheckpointError(f'{filename} holds a {type(checkpoint).__name__}, not a checkpoint: use another file.')
    if not mmap:
        check_finite(checkpoint.get('state_dict', checkpoint), filename)
    return checkpoint


def check_finite(weights: object, filename: str) -> None:
    """Refuses weights that are not finite.

    Raises:
        CheckpointError: If there are any; the message names the first.
    """
    tensors = weights.items() if isinstance(weights, Mapping) else ()
    bad = [
        name
        for name, value in tensors
        if isinstance(value, torch.Tensor) and value.is_floating_point() and not value.isfinite().all()
    ]
    if bad:
        raise CheckpointError(
            f'Checkpoint {filename} holds weights that are not finite: {bad[0]} and {len(bad) - 1} more have NaN or '
            'infinity. The run that wrote it went wrong; use an earlier checkpoint.'
        )


def check_crc(filename: str | os.PathLike, tensors: bool = True) -> None:
    """Compares a checkpoint with the checksums that torch writes into it (a zip archive, as of torch 1.6).

    Args:
        filename: Path of the file.
        tensors: Whether to check the numbers of tensors too, which takes as long as reading the file.

    Raises:
        CheckpointError: If the stored data is not what was written.
    """
    if not zipfile.is_zipfile(filename):
        return  # torch.load says what it is
    try:
        with zipfile.ZipFile(filename) as archive:
            for name in archive.namelist():
                if tensors or '/data/' not in name:
                    with archive.open(name) as entry:
                        while entry.read(_CHUNK):
                            pass
    # zipfile fails on a wrong checksum, and on damaged headers in any way.
    except Exception as error:
        raise CheckpointError(f'Checkpoint {filename} is damaged: copy it again, or use another.') from error


def newest_whole_checkpoint(folder: str | os.PathLike) -> str | None:
    """The training checkpoint that was written last into a folder; None if there is none.

    Damaged ones are reported and skipped.

    Raises:
        CheckpointError: If all are damaged.
    """
    found, damaged = [], []
    for path in Path(folder).glob('*.pth'):
        try:
            checkpoint = load_checkpoint_file(str(path), map_location='cpu', mmap=True)
        except CheckpointError as error:
            damaged.append(error)
            continue
        if 'optimizer' in checkpoint:
            meta = checkpoint['meta']
            found.append((meta.get('time', ''), meta['iter'], meta['epoch'], path))
    newest = None
    for *_, path in sorted(found, reverse=True):
        try:
            check_crc(path)
        except CheckpointError as error:
            damaged.append(error)
        else:
            newest = str(path)
            break
    for damage in damaged:
        print_log(f'{damage} It is skipped.', level=logging.WARNING)
    if damaged and newest is None:
        raise CheckpointError(f'No checkpoint in {folder} is whole: start again in another --work-dir.')
    return newest


def register_safe_checkpoint_loading() -> None:
    """Makes MMEngine read local checkpoints with ``weights_only``, and allows the plain data that it writes itself.

    MMEngine 0.10 calls :func:`torch.load` with its default. Before torch 2.6 that executes code; since then it refuses
    MMEngine's own checkpoints.
    """
    torch.serialization.add_safe_globals(_SAFE_TYPES)
    CheckpointLoader.register_scheme(prefixes='', loader=load_checkpoint_file, force=True)


def checkpoint_config(checkpoint: Mapping, filename: str) -> Config:
    """The config that a checkpoint carries; its text is parsed as data and not executed.

    Args:
        checkpoint: What :func:`load_checkpoint_file` read.
        filename: Path of the file, for messages.

    Raises:
        CheckpointError: If it has no config, or the config is not plain data as MMEngine writes it.
    """
    text = checkpoint.get('meta', {}).get('cfg')
    if not text:
        raise CheckpointError(f'Checkpoint {filename} carries no config: give the config that it was trained with.')
    try:
        statements = ast.parse(text).body
        return without_scope(Config({s.targets[0].id: _plain(s.value) for s in statements}))
    except (AttributeError, SyntaxError, ValueError) as error:
        raise CheckpointError(
            f'The config in checkpoint {filename} is not the plain data that MMEngine writes: give the config file '
            'that it was trained with.'
        ) from error


def _plain(node: ast.expr | None) -> object:
    """The value of an expression of literals, ``dict(key=value)`` and ``dict({key: value})``."""
    match node:
        case ast.Call(func=ast.Name(id='dict'), args=[ast.Dict() as entries], keywords=[]):
            return _plain(entries)
        case ast.Call(func=ast.Name(id='dict'), args=[], keywords=entries):
            return {entry.arg: _plain(entry.value) for entry in entries}
        case ast.Dict():
            return {_plain(key): _plain(value) for key, value in zip(node.keys, node.values, strict=True)}
        case ast.List():
            return [_plain(item) for item in node.elts]
        case ast.Tuple():
            return tuple(_plain(item) for item in node.elts)
    return ast.literal_eval(node)  # type: ignore[arg-type]  # it refuses None, the key of a ** in a dict


def check_weights(weights: Mapping[str, torch.Tensor], module: nn.Module, what: str) -> None:
    """Refuses weights that do not fit a module exactly.

    Args:
        weights: Name to tensor.
        module: The module to load them into.
        what: Name of the weights, with which the message begins.

    Raises:
        CheckpointError: If names or shapes differ; the message says which.
    """
    wanted = module.state_dict()
    problems = [f'it lacks {key}' for key in wanted if key not in weights]
    problems += [f'it has an extra {key}' for key in weights if key not in wanted]
    problems += [
        f'its {key} has shape {tuple(weights[key].shape)} instead of {tuple(value.shape)}'
        for key, value in wanted.items()
        if key in weights and weights[key].shape != value.shape
    ]
    if problems:
        more = f' and {len(problems) - 4} more' if len(problems) > 4 else ''
        raise CheckpointError(
            f"{what} is of another architecture than the config's {type(module).__name__}: "
            f'{"; ".join(problems[:4])}{more}. Use the config (and overrides) that the checkpoint was made with.'
        )
