"""Converts PKU-MMD, phase I or II, into a clip store."""

import argparse
import sys

from mmskelssl.cli.conversion import add_conversion_arguments, run_conversion
from mmskelssl.converters.pku_mmd import EXPECTED_SPLITS, PHASES, RANGES, PKUMMDReader


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('src', nargs='+', help='folders and zip archives of recordings, labels and splits')
    add_conversion_arguments(parser)
    parser.add_argument('--phase', type=int, choices=PHASES, default=2, help='default: %(default)s')
    parser.add_argument(
        '--ranges',
        choices=RANGES,
        default='half-open',
        help='how labels count frames: half-open, from 0 without the end (CMD), or inclusive, from 1 with the end '
        '(AimCLR); default: %(default)s',
    )
    args = parser.parse_args()
    return run_conversion(lambda _: PKUMMDReader(args.src, args.phase, args.ranges), args, EXPECTED_SPLITS[args.phase])


if __name__ == '__main__':
    sys.exit(main())
