"""Converts NTU RGB+D 60 or 120 into a clip store, from a folder of .skeleton files or straight from zip archives."""

import argparse
import sys
from pathlib import Path

from mmskelssl.cli.conversion import add_conversion_arguments, run_conversion
from mmskelssl.cli.exit_status import exit_status
from mmskelssl.converters.ntu import BODY_SELECTIONS, DATASETS, NTUReader


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('src', nargs='+', type=Path, help='folders and zip archives, such as '
                        'nturgbd_skeletons_s001_to_s017.zip and nturgbd_skeletons_s018_to_s032.zip')  # fmt: skip
    add_conversion_arguments(parser)
    parser.add_argument('--dataset', choices=DATASETS, help='default: ntu120 if there is a setup above 17, else ntu60')
    parser.add_argument('--bodies', choices=BODY_SELECTIONS, default='energy', help='which two bodies are the persons: '
                        'those with most energy of the first four (ISC, CMD, MMCV), the first as listed (CrosSCLR), or '
                        'those that move, without furniture (CTR-GCN, MAMP) (default: %(default)s)')  # fmt: skip
    args = parser.parse_args()
    return exit_status(lambda: run(args))


def run(args: argparse.Namespace) -> int:
    reader = NTUReader(args.src, DATASETS.get(args.dataset), args.bodies)
    return run_conversion(lambda _: reader, args, reader.dataset.split_sizes)


if __name__ == '__main__':
    sys.exit(main())
