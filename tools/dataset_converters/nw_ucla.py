"""Converts NW-UCLA into a clip store."""

import argparse
import sys

from mmskelssl.cli.conversion import add_conversion_arguments, run_conversion
from mmskelssl.converters.nw_ucla import EXPECTED_SPLITS, NWUCLAReader


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('src', help='the archive all_sqe.tar.gz, or its unpacked folder')
    add_conversion_arguments(parser)
    return run_conversion(lambda args: NWUCLAReader(args.src), parser.parse_args(), EXPECTED_SPLITS)


if __name__ == '__main__':
    sys.exit(main())
