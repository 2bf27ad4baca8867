"""Makes the synthetic data set: a clip store and, if asked for, the same clips as raw NTU RGB+D or PKU-MMD files."""

import argparse
import sys
from collections import Counter, defaultdict
from pathlib import Path

from mmskelssl.cli.conversion import add_conversion_arguments, run_conversion
from mmskelssl.cli.exit_status import exit_status
from mmskelssl.converters.ntu import NTU60_TRAIN_PERFORMERS, write_skeleton_file
from mmskelssl.converters.pku_mmd import write_pku_tree
from mmskelssl.converters.synthetic import SyntheticReader
from mmskelssl.utils.progress import track


def write_ntu(reader: SyntheticReader, folder: Path) -> None:
    for raw in track(reader, len(reader), 'Writing .skeleton files'):
        write_skeleton_file(folder / f'{raw.name}.skeleton', raw.clip)


def write_pku(reader: SyntheticReader, folder: Path) -> None:
    """Up to ten clips of a performer before a camera are one recording."""
    recordings = defaultdict(list)
    taken = Counter()
    for raw in track(reader, len(reader), 'Making recordings'):
        performer, camera = raw.attributes['performer'], raw.attributes['camera']
        number = 1 + taken[performer, camera] // 10
        taken[performer, camera] += 1
        recordings[f'A{number:02}N{performer:02}-{"MLR"[camera - 1]}'].append(raw)
    write_pku_tree(
        folder,
        recordings,
        {
            'cross_subject_v2.txt': {name for name in recordings if int(name[4:6]) in NTU60_TRAIN_PERFORMERS},
            'cross_view_v2.txt': {name for name in recordings if not name.endswith('M')},
        },
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    add_conversion_arguments(parser)
    parser.add_argument('--num-clips', type=int, default=2000, help='clips to make (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='another seed is another data set (default: %(default)s)')
    parser.add_argument('--raw-ntu', type=Path, metavar='DIR', help='also write every clip as DIR/NAME.skeleton')
    parser.add_argument('--raw-pku', type=Path, metavar='DIR', help="also write them as PKU-MMD II's files")
    args = parser.parse_args()
    return exit_status(lambda: run(args))


def run(args: argparse.Namespace) -> int:
    reader = SyntheticReader(args.num_clips, args.seed)
    status = run_conversion(lambda _: reader, args)
    for write, folder in ((write_ntu, args.raw_ntu), (write_pku, args.raw_pku)):
        if status == 0 and folder:
            write(reader, folder)
            print(f'raw files: {folder}')
    return status


if __name__ == '__main__':
    sys.exit(main())
