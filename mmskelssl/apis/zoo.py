"""What the toolbox has configs and results for: the metafiles of ``model-index.yml``."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from mmengine.fileio import load

from mmskelssl.utils.config import ConfigError

_PACKAGE = Path(__file__).parents[1]


def zoo_root() -> Path:
    """The folder of ``model-index.yml`` and ``configs/``: inside the installed package, or the checkout it lies in."""
    return next(folder for folder in (_PACKAGE / '.mim', _PACKAGE.parent) if (folder / 'model-index.yml').exists())


@cache
def load_zoo() -> dict[str, dict]:
    """Name to entry (``Config``, ``In Collection``, ``Metadata``, ``Results``) of every model."""
    root = zoo_root()
    metafiles = load(root / 'model-index.yml')['Import']
    models = (load(root / path)['Models'] for path in metafiles)
    return {model['Name']: model for part in models for model in part}


def list_models(pattern: str = '*') -> list[str]:
    """Names of the pre-training configs of the toolbox, each good for :func:`init_model`.

    Args:
        pattern: What names have to match, such as ``cmd_*_ntu60-*``.
    """
    return sorted(name for name in load_zoo() if fnmatchcase(name, pattern))


def find_config(config: str | os.PathLike) -> Path:
    """The path of a config that is given by its path or by its name in :func:`list_models`.

    Raises:
        ConfigError: If it is neither.
    """
    path = Path(config)
    if path.suffix == '.py':
        return path
    if str(config) not in load_zoo():
        raise ConfigError(
            f"There is no config '{config}': give the path of a config file, or one of mmskelssl.apis.list_models()."
        )
    return zoo_root() / load_zoo()[str(config)]['Config']
