"""Loading checkpoints without executing code, on every supported torch."""

from __future__ import annotations

import ast
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
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn

from mmskelssl.utils.errors import CheckpointError


def _history_method(owner: type, name: str) -> Callable:
    """The one use of ``getattr`` in MMEngine's checkpoints: a history buffer names its statistics (mean, max ...)."""
    if owner is not HistoryBuffer or name not in ('current', 'max', 'mean', 'min'):
        raise pickle.UnpicklingError(f"getattr({owner}, {name!r}) is none of MMEngine's own.")
    return getattr(owner, name)


# Under this name it takes the place of the real one, which would reach any code.
_history_method.__module__, _history_method.__qualname__ = 'builtins', 'getattr'

# What MMEngine writes into its own checkpoints beside tensors (the message hub's histories): plain data all of it.
# `scalar` and `_reconstruct` are the pickle names of NumPy scalars and arrays.
_MULTIARRAY = np._core.multiarray if hasattr(np, '_core') else np.core.multiarray
_DTYPES = [type(np.dtype(kind)) for kind in ('?', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8')]
_SAFE_TYPES = [
    *(HistoryBuffer, deque, _history_method),
    *(np.ndarray, np.dtype, _MULTIARRAY.scalar, _MULTIARRAY._reconstruct, *_DTYPES),
]

# How torch words that it met code, and not bytes that are no checkpoint; the groups are the code's name.
_CODE = re.compile(r'GLOBAL ([\w.]+)|(getattr\(.*?\)) is none|(?:unrecognized function|but got) (<.+?>)')


def load_checkpoint_file(filename: str, map_location: str | torch.device | None = None, mmap: bool = False) -> dict:
    """Reads a checkpoint of plain data and tensors.

    Args:
        filename: Path of the file.
        map_location: As for :func:`torch.load`.
        mmap: Whether to read tensors only when they are used, and leave out the check for damage to them.

    Raises:
        CheckpointError: If the file is missing, unreadable, damaged, or holds anything that would execute code.
    """
    try:
        if not mmap:
            check_crc(filename)
        checkpoint = torch.load(filename, map_location=map_location, weights_only=True, mmap=mmap)
    except FileNotFoundError as error:
        raise CheckpointError(f'Checkpoint not found: {filename}. Check the path.') from error
    except OSError as error:
        raise CheckpointError(f'Checkpoint {filename} cannot be read: {error.strerror}.') from error
    except CheckpointError:
        raise
    # A parser may stumble over anything in a file that is none.
    except Exception as error:
        if isinstance(error, pickle.UnpicklingError) and (code := _CODE.search(str(error))):
            raise CheckpointError(
                f'Checkpoint {filename} holds more than tensors and plain data ({next(filter(None, code.groups()))}), '
                'and reading it could execute code; it is refused. If it is a training checkpoint of another program, '
                'save its state_dict alone.'
            ) from error
        raise CheckpointError(
            f'Checkpoint {filename} is damaged or no PyTorch checkpoint ({Path(filename).stat().st_size:,} bytes): '
            'copy it again, or use another.'
        ) from error
    if not isinstance(checkpoint, dict):
        raise CheckpointError(f'{filename} holds a {type(checkpoint).__name__} and not a checkpoint: use another.')
    return checkpoint


def check_crc(filename: str | os.PathLike) -> None:
    """Compares a checkpoint with the checksums that torch writes into it (a zip archive, as of torch 1.6).

    Raises:
        CheckpointError: If its content is not what was written.
    """
    if not zipfile.is_zipfile(filename):
        return  # torch.load says what it is
    with zipfile.ZipFile(filename) as archive:
        if archive.testzip():
            raise CheckpointError(f'Checkpoint {filename} is damaged: copy it again, or use another.')


def register_safe_checkpoint_loading() -> None:
    """Makes MMEngine read local checkpoints with ``weights_only``, and admits the plain data that it writes itself.

    Stock MMEngine 0.10 calls :func:`torch.load` with its default: before torch 2.6 that executes code, since then it
    refuses MMEngine's own checkpoints.
    """
    torch.serialization.add_safe_globals(_SAFE_TYPES)
    CheckpointLoader.register_scheme(prefixes='', loader=load_checkpoint_file, force=True)


def checkpoint_config(checkpoint: Mapping, filename: str) -> Config:
    """The config that a checkpoint carries; its text is parsed as data and not executed.

    Args:
        checkpoint: What :func:`load_checkpoint_file` read.
        filename: Path of the file, for messages.

    Raises:
        CheckpointError: If it carries none, or one that is not the plain data that MMEngine writes.
    """
    text = checkpoint.get('meta', {}).get('cfg')
    if not text:
        raise CheckpointError(f'Checkpoint {filename} carries no config: give the config that it was trained with.')
    try:
        statements = ast.parse(text).body
        return Config({statement.targets[0].id: _plain(statement.value) for statement in statements})
    except (AttributeError, SyntaxError, ValueError) as error:
        raise CheckpointError(
            f'The config in checkpoint {filename} is not the plain data that MMEngine writes: give the config file '
            'that it was trained with.'
        ) from error


def _plain(node: ast.expr) -> object:
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
    return ast.literal_eval(node)


def check_weights(weights: Mapping[str, torch.Tensor], module: nn.Module, what: str) -> None:
    """Refuses weights that are not exactly those of a module.

    Args:
        weights: Name to tensor.
        module: What is to take them.
        what: What the weights are, to begin the message with.

    Raises:
        CheckpointError: If names or shapes differ; the message says which.
    """
    wanted = module.state_dict()
    problems = [f'it lacks {key}' for key in wanted if key not in weights]
    problems += [f'it has {key} besides' for key in weights if key not in wanted]
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
