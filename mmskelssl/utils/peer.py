"""Running an official program beside ours, for benchmarks."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from pathlib import Path


class PeerError(ValueError):
    """A peer cannot be compared with. The message names its path or the config."""


def import_peer(checkout: Path, module: str) -> types.ModuleType:
    """Imports a module of another program's checkout, leaving the interpreter's paths and modules as they were.

    The programs import torchvision without using it: where it is missing, an empty module stands in meanwhile.

    Raises:
        PeerError: If there is no such module.
    """
    is_missing = importlib.util.find_spec('torchvision') is None
    if is_missing:
        sys.modules['torchvision'] = types.ModuleType('torchvision')
        sys.modules['torchvision'].transforms = None
    sys.path.insert(0, str(checkout))
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise PeerError(f'{checkout} is no checkout of the program ({module}): {error}.') from error
    finally:
        sys.path.remove(str(checkout))
        if is_missing:
            del sys.modules['torchvision']
