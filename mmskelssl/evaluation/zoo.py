"""What the toolbox has configs and results for: the metafiles of ``model-index.yml``."""

from __future__ import annotations

import difflib
import os
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from mmengine.fileio import load

from mmskelssl.utils.config import ConfigError

_PACKAGE = Path(__file__).parents[1]
# Weights that come with the package; their cards are in them.
_WEIGHTS = _PACKAGE / 'weights'


def zoo_root() -> Path:
    """The folder of ``model-index.yml`` and ``configs/``: inside the installed package, or the checkout it lies in."""
    return next(folder for folder in (_PACKAGE / '.mim', _PACKAGE.parent) if (folder / 'model-index.yml').exists())


@cache
def load_zoo() -> dict[str, dict]:
    """Name to entry (``Config``, ``In Collection``, ``Metadata``, ``Results``) of every pre-training config."""
    root = zoo_root()
    metafiles = (load(root / path) for path in load(root / 'model-index.yml')['Import'])
    return {model['Name']: model for metafile in metafiles for model in metafile['Models']}


def list_models(pattern: str = '*', pretrained: bool = False) -> list[str]:
    """Names of the pre-training configs of the toolbox, each good for :func:`mmskelssl.apis.init_model`.

    Args:
        pattern: What names have to match, such as ``cmd_*_ntu60-*``.
        pretrained: Whether to list the models whose weights come with the package instead.

    Examples:
        >>> list_models('vicreg_*')
        ['vicreg_bigru128_1xb64-100e_nw-ucla-xview', 'vicreg_bigru64_1xb64-30e_synthetic-xsub']
    """
    names = [path.stem for path in _WEIGHTS.glob('*.pth')] if pretrained else load_zoo()
    return sorted(name for name in names if fnmatchcase(name, pattern))


def find_weights(name: str) -> Path:
    """The checkpoint of a model whose weights come with the package.

    Raises:
        ConfigError: If there is none of this name.
    """
    known = list_models(pretrained=True)
    if name not in known:
        raise ConfigError(f"No weights of '{name}' come with the package; those of {', '.join(known) or 'none'} do.")
    return _WEIGHTS / f'{name}.pth'


def find_config(config: str | os.PathLike) -> Path:
    """The path of a config that is given by its path, or by its name among all configs of the toolbox.

    Raises:
        ConfigError: If it is neither.
    """
    path = Path(config)
    if path.suffix == '.py':
        return path
    files = (zoo_root() / 'configs').rglob(f'{path.name}.py')
    found = next((file for file in files if '_base_' not in file.parts), None)
    if found is None:
        near = difflib.get_close_matches(path.name, list_models(), 1)
        nearest = f'; nearest: {near[0]}' if near else ''
        raise ConfigError(
            f"There is no config '{config}'{nearest}. Give the path of a config file, or one of "
            'mmskelssl.apis.list_models(). A checkpoint that carries its config is given as checkpoint alone.'
        )
    return found


def paper_result(config: str, protocol: str, modality: str, dataset: str, test_split: str) -> tuple[float, str] | None:
    """The top-1 accuracy that a paper gives for a config, and where it gives it.

    Args:
        config: Name of a pre-training config, with or without ``.py``.
        protocol: Such as ``linear`` or ``semi10``.
        modality: Such as ``joint``; fused ones joined by ``+``.
        dataset: Name of the clip store that was tested on; papers tested on sets of ``configs/_base_/sets``.
        test_split: Such as ``xsub_test``.
    """
    # Names of configs end in store and split, such as pku-mmd2-xsub.
    names = {name.rpartition('_')[2]: entry['Metadata']['Training Data'] for name, entry in load_zoo().items()}
    tested_on = names.get(f'{dataset}-{test_split.removesuffix("_test")}'.replace('_', '-'))
    results = load_zoo().get(Path(config).name.removesuffix('.py'), {}).get('Results', [])
    # Protocols that follow a paper's recipe to the letter end in its name.
    wanted = (protocol.removesuffix('-cmd'), modality, tested_on)
    found = (r for r in results if 'Paper' in r and (r['Task'], r['Modality'], r['Dataset']) == wanted)
    return next(((r['Metrics']['Top 1 Accuracy'], r['Paper']) for r in found), None)
