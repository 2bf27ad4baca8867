"""Converts the skeletons of UTD-MHAD into a clip store."""

import argparse
import sys

from mmskelssl.cli.conversion import add_conversion_arguments, run_conversion
from mmskelssl.converters.utd_mhad import EXPECTED_SPLITS, UTDMHADReader


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('src', help='the archive of the skeletons (zip or tar), or its unpacked folder')
    add_conversion_arguments(parser)
    return run_conversion(lambda args: UTDMHADReader(args.src), parser.parse_args(), EXPECTED_SPLITS)


if __name__ == '__main__':
    sys.exit(main())
