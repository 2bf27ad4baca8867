"""Configs from the command line."""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmskelssl.utils.errors import ConfigError


class Overrides(argparse.Action):
    """``KEY=VALUE ...`` into a dict of key to :func:`parse_value`."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Sequence[str],
        option_string: str | None = None,
    ) -> None:
        options = dict(getattr(namespace, self.dest) or {})
        for item in values:
            key, equals, value = item.partition('=')
            if not equals:
                parser.error(f"{option_string}: '{item}' is not KEY=VALUE")
            try:
                options[key] = parse_value(value)
            except ValueError as error:
                parser.error(f'{option_string} {key}: {error}')
        setattr(namespace, self.dest, options)


def parse_value(text: str) -> object:
    """What a value on the command line means.

    Numbers, None, True and False (in small letters too), quoted text, and lists, tuples and dicts of these, as in
    Python; words in lists need no quotes. Everything else is text as it was typed, with blanks and commas.

    Raises:
        ValueError: If brackets begin a list, tuple or dict that cannot be read.
    """
    is_nested = text.strip()[:1] in ('[', '(', '{')
    source = ''.join(map(_quoted, _TOKENS.findall(text))) if is_nested else _CONSTANTS.get(text, text.strip())
    try:
        value = ast.literal_eval(source)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        value = text
    if is_nested and not isinstance(value, (list, tuple, dict)):
        raise ValueError(f'{text!r} is not a list, tuple or dict: close its brackets; to have it as text, quote it.')
    # A comma without brackets, or an imaginary number, is meant as text.
    return value if is_nested or isinstance(value, (int, float, str, type(None))) else text


# Quoted text; punctuation; words between them.
_TOKENS = re.compile(r""""[^"]*"|'[^']*'|[\[\](){},:]|[^\[\](){},:"']+""")
_CONSTANTS = {'true': 'True', 'false': 'False', 'inf': '1e999', '-inf': '-1e999'}


def _quoted(token: str) -> str:
    """A word of a list as a Python literal."""
    word = token.strip()
    if not word or word[0] in '[](){},:"\'':
        return token
    word = _CONSTANTS.get(word, word)
    try:
        ast.literal_eval(word)
    except (SyntaxError, ValueError):
        return repr(word)
    return word


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of every tool that takes a config: its path and ``--cfg-options``."""
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=Overrides,
        metavar='KEY=VALUE',
        help='config keys to override, such as train_dataloader.batch_size=64 or key="[a, b]"; text is taken as typed',
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
    # A config is a program and may fail in any way.
    except Exception as error:
        raise ConfigError(f'Config {path} does not load: {type(error).__name__}: {error}') from error
    wrong = []
    for key, value in (options or {}).items():
        try:
            cfg.merge_from_dict({key: value})
        # MMEngine fails in several ways where a key leads through what is not a section.
        except Exception as error:
            wrong.append(f'{key}={value!r} does not fit {path}: {error}')
    if wrong:
        raise ConfigError('\n'.join(wrong))
    return without_scope(cfg)


def without_scope(cfg: Config) -> Config:
    """A config without ``_scope_``, MMEngine's mark on what is inherited by ``mmskelssl::``.

    The mark says in which registry a type is found, which is ours anyway, and would be handed on as an argument.
    """
    return Config(_unmarked(cfg.to_dict()), cfg_text=cfg.text, filename=cfg.filename)


def _unmarked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unmarked(item) for key, item in value.items() if (key, item) != ('_scope_', 'mmskelssl')}
    return type(value)(map(_unmarked, value)) if isinstance(value, (list, tuple)) else value


def model_config(cfg: Config) -> dict:
    """``cfg.model`` with the config's ``data_preprocessor`` in it, as MMEngine's runner hands it over."""
    views = {key: cfg[key] for key in ('data_preprocessor',) if cfg.get(key)}
    return {**views, **cfg.model}
