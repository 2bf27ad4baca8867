"""Prints a config in full: its bases merged, its variables and overrides resolved."""

import argparse
import sys
from pathlib import Path

from mmskelssl.cli.exit_status import exit_status
from mmskelssl.utils.config import add_config_arguments, load_config
from mmskelssl.utils.errors import ConfigError
from mmskelssl.utils.files import written_beside

KINDS = ('.py', '.json', '.yaml', '.yml')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add_config_arguments(parser)
    parser.add_argument(
        '--save-path', type=Path, help=f'file to write the config to as well, one of {", ".join(KINDS)}'
    )
    return parser.parse_args()


def run(args: argparse.Namespace) -> None:
    if args.save_path is not None and args.save_path.suffix not in KINDS:
        raise ConfigError(f'--save-path {args.save_path} has to end in one of {", ".join(KINDS)}.')
    cfg = load_config(args)
    if args.save_path is not None:
        with written_beside(args.save_path) as beside:
            cfg.dump(beside)
    print(cfg.pretty_text)


if __name__ == '__main__':
    sys.exit(exit_status(lambda: run(parse_args())))
