"""Running an official program beside ours, for benchmarks."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from pathlib import Path

from mmskelssl.utils.errors import UserError


class PeerError(UserError):
    """A peer cannot be compared with. The message names its path or the config."""


# What the programs import, with what they take from it: nothing that counts, so that it need not be installed.
_STAND_INS = {'torchvision': dict(transforms=None), 'tqdm': dict(tqdm=lambda items: items)}


def import_peer(checkout: Path, module: str) -> types.ModuleType:
    """Imports a module of another program's checkout, leaving the interpreter's paths and modules as they were.

    The programs import torchvision without using it, and tqdm: where they are missing, something empty stands in.

    Raises:
        PeerError: If there is no such module.
    """
    missing = [name for name in _STAND_INS if importlib.util.find_spec(name) is None]
    paths = list(sys.path)
    for name in missing:
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(_STAND_INS[name])
    sys.path.insert(0, str(checkout))
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise PeerError(f'{checkout} is not a checkout of the program ({module}): {error}.') from error
    finally:
        # Some of them extend it.
        sys.path[:] = paths
        for name in missing:
            del sys.modules[name]
