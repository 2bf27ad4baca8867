"""Converts the hand gestures of SHREC'17 into a clip store."""

import argparse
import sys

from mmskelssl.cli.conversion import add_conversion_arguments, run_conversion
from mmskelssl.converters.shrec17 import CLASSES, EXPECTED_SPLITS, SHREC17Reader


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('src', help='the archive (zip or tar), or its unpacked folder')
    add_conversion_arguments(parser)
    parser.add_argument('--classes', type=int, choices=CLASSES, default=14, help='14 gestures, or 28: each with one '
                        'finger and with the whole hand (default: %(default)s)')  # fmt: skip
    return run_conversion(lambda args: SHREC17Reader(args.src, args.classes), parser.parse_args(), EXPECTED_SPLITS)


if __name__ == '__main__':
    sys.exit(main())
