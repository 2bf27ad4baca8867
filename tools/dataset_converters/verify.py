"""Checks a clip store, and says where another preparation of the data set differs from it."""

import argparse
import csv
import sys
from functools import partial
from pathlib import Path

from mmskelssl.cli.exit_status import exit_status
from mmskelssl.converters.base import Reader
from mmskelssl.converters.doctor import Comparison, Difference, compare, verify
from mmskelssl.converters.official_arrays import OfficialArraysReader
from mmskelssl.converters.pyskl import PysklReader
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.transforms import normalize_clip
from mmskelssl.registry import TRANSFORMS
from mmskelssl.utils import register_all_modules
from mmskelssl.utils.config import read_config
from mmskelssl.utils.files import written_beside


def open_other(path: Path, store: ClipStore) -> ClipStore | Reader:
    """Another preparation of a store's data: a store, a pickle, or a folder of arrays."""
    if path.is_file():
        return PysklReader(path, store.layout, store.classes)
    if path.is_dir() and not (path / 'meta.json').exists():
        return OfficialArraysReader(path, store.layout, store.classes)
    return ClipStore(path)


def write_table(comparison: Comparison, path: Path) -> None:
    with written_beside(path) as beside, open(beside, 'w', newline='', encoding='utf-8') as file:
        csv.writer(file).writerows([Difference._fields, *comparison.differences])


def parse_args() -> argparse.Namespace:
    epilog = 'Exit status: 0; 1 if the store is damaged or cannot be read; 2 if the preparations differ.'
    parser = argparse.ArgumentParser(description=__doc__, epilog=epilog)
    parser.add_argument('store', help='folder of the clip store')
    parser.add_argument('other', nargs='?', type=Path, help='what to compare with: another store, a pickle of PYSKL, '
                        'or a folder of official arrays')  # fmt: skip
    parser.add_argument('--normalized-by', metavar='CONFIG', help='normalize the clips of the store as in training by '
                        'this config before they are compared')  # fmt: skip
    parser.add_argument('--tolerance', type=float, default=1e-4, metavar='METRES', help='distance up to which '
                        'coordinates are the same (default: %(default)s)')  # fmt: skip
    parser.add_argument('--table', type=Path, metavar='CSV', help='also write all differences to a table')
    return parser.parse_args()


def run(args: argparse.Namespace) -> int:
    register_all_modules()
    result = verify(args.store)
    print(result)
    if result.errors:
        return 1
    if args.other is None:
        return 0
    normalize = None
    if args.normalized_by:
        recipe = read_config(args.normalized_by).train_dataloader.dataset.get('normalize', [])
        steps = [TRANSFORMS.build(step) for step in recipe]
        normalize = partial(normalize_clip, steps=steps, layout=result.store.layout)
    comparison = compare(result.store, open_other(args.other, result.store), args.tolerance, normalize)
    print(comparison)
    if args.table:
        write_table(comparison, args.table)
    return 0 if comparison.is_same else 2


if __name__ == '__main__':
    sys.exit(exit_status(lambda: run(parse_args())))
