"""Converts SBU Kinect Interaction into a clip store."""

import argparse
import sys

from mmskelssl.cli.conversion import add_conversion_arguments, run_conversion
from mmskelssl.converters.sbu import EXPECTED_SPLITS, SBUReader


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('src', nargs='+', help='archives (zip or tar) or folders, with sXXsYY/CC/NNN/skeleton_pos.txt')
    add_conversion_arguments(parser)
    return run_conversion(lambda args: SBUReader(args.src), parser.parse_args(), EXPECTED_SPLITS)


if __name__ == '__main__':
    sys.exit(main())
