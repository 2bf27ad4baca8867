"""Makes the synthetic data set: a clip store and, if asked for, the same clips as raw NTU RGB+D files."""

import argparse
import sys
from pathlib import Path

from mmskelssl.datasets.conversion import add_conversion_arguments, run_conversion
from mmskelssl.datasets.readers.ntu import write_skeleton_file
from mmskelssl.datasets.readers.synthetic import SyntheticReader
from mmskelssl.utils.errors import StoreError
from mmskelssl.utils.progress import track


def write_raw(reader: SyntheticReader, folder: Path) -> None:
    for raw in track(reader, len(reader), 'Writing .skeleton files'):
        write_skeleton_file(folder / f'{raw.name}.skeleton', raw.clip)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    add_conversion_arguments(parser)
    parser.add_argument('--num-clips', type=int, default=2000, help='clips to make (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='another seed is another data set (default: %(default)s)')
    parser.add_argument('--raw-ntu', type=Path, metavar='DIR', help='also write every clip as DIR/NAME.skeleton')
    args = parser.parse_args()
    try:
        reader = SyntheticReader(args.num_clips, args.seed)
        status = run_conversion(lambda _: reader, args)
        if status == 0 and args.raw_ntu:
            write_raw(reader, args.raw_ntu)
            print(f'raw files: {args.raw_ntu}')
    except (StoreError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    return status


if __name__ == '__main__':
    sys.exit(main())
