"""Protocols by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mmskelssl.evaluation.protocols.base import Protocol
from mmskelssl.registry import PROTOCOLS
from mmskelssl.utils.config import ConfigError, read_config


def load_protocol(name: str, folder: Path, options: Mapping[str, dict] | None = None) -> Protocol:
    """Builds a protocol from its config.

    Args:
        name: Of a config in ``folder``; ``{protocol}-{ensemble}`` fuses the modalities' scores of a protocol by an
            ensemble's config, such as ``linear-3s``. Or the path of a config file.
        folder: Of the configs, ``configs/_base_/protocols``.
        options: Name to overrides of its config.

    Raises:
        ConfigError: If there is no such protocol; the message lists those that there are.
    """
    options = options or {}
    path = Path(name) if name.endswith('.py') else folder / f'{name}.py'
    if path.exists():
        return _build(path, options.get(path.stem, {}))
    member, _, ensemble = name.rpartition('-')
    path = folder / f'{ensemble}.py'
    if member and path.exists():
        return _build(path, options.get(name, {}), name=name, member=load_protocol(member, folder, options))
    known = sorted(file.stem for file in folder.glob('*.py'))
    raise ConfigError(f"There is no protocol '{name}'. Known: {', '.join(known)}; or give the path of a config file.")


def _build(path: Path, options: dict, **arguments: object) -> Protocol:
    cfg = read_config(path, options)
    if 'protocol' not in cfg:
        raise ConfigError(f'{path} is no protocol: it does not say protocol = dict(type=...).')
    if cfg.protocol.type == 'Ensemble' and 'member' not in arguments:
        name = path.stem
        raise ConfigError(f"Protocol '{name}' fuses a protocol's scores: write PROTOCOL-{name}, such as linear-{name}.")
    return PROTOCOLS.build({'name': path.stem, **arguments, 'cfg': cfg, **cfg.protocol})
