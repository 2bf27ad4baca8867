"""The tools as one command: ``mmskelssl train ...``, or ``python -m mmskelssl train ...``."""

from __future__ import annotations

import argparse
import difflib
import runpy
import sys
from pathlib import Path

from mmskelssl.evaluation.zoo import list_models, zoo_root

CONVERTERS = 'dataset_converters'


def main() -> int:
    known = commands()
    parser = argparse.ArgumentParser(
        prog='mmskelssl',
        description='Runs a tool; COMMAND --help says what it takes.',
        epilog='convert takes the name of a data set first. models [PATTERN] prints names of configs: where a tool '
        'takes a config, it takes such a name.',
    )
    parser.add_argument('command', metavar='COMMAND', help=', '.join([*sorted(known), 'models']))
    parser.add_argument('arguments', nargs=argparse.REMAINDER, help='of the tool')
    args = parser.parse_args()
    if args.command == 'models':
        print('\n'.join(list_models(*args.arguments[:1])))
        return 0
    if args.command == 'convert':
        name = args.arguments[0] if args.arguments else '--help'
        args.command, args.arguments = f'convert {name}', args.arguments[1:]
    if args.command not in known:
        nearest = difflib.get_close_matches(args.command, known, 1)
        hint = f'; nearest: {nearest[0]}' if nearest else ''
        parser.error(f"there is no command '{args.command}'{hint}. There are: {', '.join(sorted(known))}, models")
    sys.argv[1:] = args.arguments
    runpy.run_path(str(known[args.command]), run_name='__main__')
    return 0


def commands() -> dict[str, Path]:
    """Name to script of every tool in Python: its stem, and ``convert`` before that of a converter."""
    scripts = sorted((zoo_root() / 'tools').rglob('*.py'))
    return {('convert ' if path.parent.name == CONVERTERS else '') + path.stem: path for path in scripts}


if __name__ == '__main__':
    sys.exit(main())
