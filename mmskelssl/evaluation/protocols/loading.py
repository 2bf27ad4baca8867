"""Protocols by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from mmengine.config import Config

from mmskelssl.evaluation.protocols.base import Protocol
from mmskelssl.evaluation.zoo import zoo_root
from mmskelssl.registry import PROTOCOLS
from mmskelssl.utils.config import ConfigError, read_config


def load_protocol(
    name: str,
    options: Mapping[str, dict] | None = None,
    check: Callable[[Config], Config] = lambda cfg: cfg,
) -> Protocol:
    """Builds a protocol from its config.

    Args:
        name: Of a config in ``configs/protocols``; ``{protocol}-{ensemble}`` fuses the modalities' scores of a protocol
            by an ensemble's config, such as ``linear-3s``. Or the path of a config file.
        options: Name to overrides of its config.
        check: Gives the config, or raises an error of its own.

    Raises:
        ConfigError: If there is no such protocol, or no such section to override; the message lists the known
            ones.
    """
    options, folder = options or {}, zoo_root() / 'configs' / 'protocols'
    path = Path(name) if name.endswith('.py') else folder / f'{name}.py'
    if path.exists():
        return _build(path, options.get(path.stem, {}), check)
    member, _, ensemble = name.rpartition('-')
    path = folder / f'{ensemble}.py'
    if member and path.exists():
        return _build(path, options.get(name, {}), check, name=name, member=load_protocol(member, options, check))
    known = sorted(file.stem for file in folder.glob('*.py'))
    raise ConfigError(f"There is no protocol '{name}'. Known: {', '.join(known)}; or give the path of a config file.")


def _build(path: Path, options: dict, check: Callable[[Config], Config], **arguments: object) -> Protocol:
    cfg = read_config(path)
    for key in options:
        if key.partition('.')[0] not in cfg:
            raise ConfigError(f"{path} has no section '{key.partition('.')[0]}', but {', '.join(sorted(cfg))}.")
    cfg = check(read_config(path, options))
    if 'protocol' not in cfg:
        raise ConfigError(f'{path} is not a protocol: add protocol = dict(type=...).')
    if cfg.protocol.type == 'Ensemble' and 'member' not in arguments:
        name = path.stem
        raise ConfigError(f"Protocol '{name}' fuses a protocol's scores: write PROTOCOL-{name}, such as linear-{name}.")
    return PROTOCOLS.build({'name': path.stem, **arguments, 'cfg': cfg, **cfg.protocol})
