"""Configs from the command line."""

from __future__ import annotations

import argparse
import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmengine.config import Config, DictAction

from mmskelssl.utils.errors import ConfigError


class _Overrides(DictAction):
    """MMEngine's ``KEY=VALUE``, with a usage error instead of a traceback."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Sequence[str],
        option_string: str | None = None,
    ) -> None:
        for value in values:
            if '=' not in value:
                parser.error(f"{option_string}: '{value}' is not KEY=VALUE")
        super().__call__(parser, namespace, values, option_string)


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of every tool that takes a config: its path and ``--cfg-options``."""
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=_Overrides,
        metavar='KEY=VALUE',
        help='config keys to override, such as train_dataloader.batch_size=64 or key="[a,b]"; put lists in quotes, '
        'without blanks',
    )


def load_config(args: argparse.Namespace) -> Config:
    """The config of :func:`add_config_arguments`, overrides applied; see :func:`read_config`."""
    return read_config(args.config, args.cfg_options)


def read_config(path: str | os.PathLike, options: Mapping[str, object] | None = None) -> Config:
    """A config file with overrides.

    Args:
        path: The file.
        options: Dotted key to value.

    Raises:
        ConfigError: If the config is missing or does not load, or an override does not fit it.
    """
    if not Path(path).exists():
        near = difflib.get_close_matches(Path(path).name, [file.name for file in Path(path).parent.glob('*.py')], n=1)
        raise ConfigError(
            f'There is no config {path}.' + (f' Did you mean {Path(path).with_name(near[0])}?' if near else '')
        )
    try:
        cfg = Config.fromfile(path)
        cfg.merge_from_dict(dict(options or {}))
    # A config is a program and may fail in any way.
    except Exception as error:
        raise ConfigError(f'Config {path} does not load: {type(error).__name__}: {error}') from error
    return cfg


def model_config(cfg: Config) -> dict:
    """``cfg.model`` with the config's ``data_preprocessor`` in it, as MMEngine's runner hands it over."""
    views = {key: cfg[key] for key in ('data_preprocessor',) if cfg.get(key)}
    return {**views, **cfg.model}
