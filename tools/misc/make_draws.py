"""Draws the labels of semi-supervised protocols from a split of a clip store: five draws at 1, 5, 10 and 20 %."""

import argparse
import sys
from pathlib import Path

from mmskelssl.cli.exit_status import exit_status
from mmskelssl.datasets import ClipStore
from mmskelssl.datasets.label_draws import NUM_DRAWS, RATIOS, read_draw, write_draws


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('store', type=Path, help='clip store')
    parser.add_argument('split', help='split to draw from, such as xsub_train')
    parser.add_argument('out', type=Path, help='file to write, such as mine_xsub_train_random.txt.gz')
    parser.add_argument(
        '--balanced',
        action='store_true',
        help='draw the ratio from each class, at least one clip each (default: from all clips together)',
    )
    args = parser.parse_args()
    return exit_status(lambda: make_draws(args.store, args.split, args.out, args.balanced))


def make_draws(path: Path, split: str, out: Path, balanced: bool) -> None:
    store = ClipStore(path)
    indices = store.split(split)
    write_draws(out, store.names[indices], store.labels[indices], balanced)
    label_of = dict(zip(store.names, store.labels, strict=True))
    present = {label_of[name] for name in store.names[indices]}
    print(f'{out}: draws from {len(indices)} clips of {len(present)} classes')
    for ratio in RATIOS:
        if len(indices) * ratio < 100 and not balanced:
            print(f'{ratio:3} %: no clip')
            continue
        draws = [read_draw(out, ratio, draw) for draw in range(NUM_DRAWS)]
        empty = [len(present - {label_of[name] for name in names}) for names in draws]
        print(f'{ratio:3} %: {len(draws[0])} clips; classes without one, by draw: {empty}')


if __name__ == '__main__':
    sys.exit(main())
