"""Draws clips of one class of a store below each other, to see what the class looks like; or lists the classes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from mmskelssl.cli.exit_status import exit_status
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.layouts import UP_AXES
from mmskelssl.utils import StoreError, UserError
from mmskelssl.visualization import draw_frames, save_figure
from mmskelssl.visualization.layout_tables import layouts_page


class ShowLayouts(argparse.Action):
    """An option that needs no store."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(layouts_page(), end='')
        parser.exit()


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('store', help='folder of the clip store')
    parser.add_argument('class_name', nargs='?', metavar='class', help='name of a class, or its number')
    parser.add_argument('--out', type=Path, help='the picture; default: the name of the class + .png')
    parser.add_argument('--split', help='only clips of this split')
    parser.add_argument('--num', type=int, default=12, help='how many clips, drawn at random (default: 12)')
    parser.add_argument('--frames', type=int, default=10, help='frames of each clip (default: 10)')
    parser.add_argument('--seed', type=int, default=0, help='seed of the choice (default: 0)')
    parser.add_argument('--up', choices=UP_AXES, help='axis that points up (give it as --up=-y); default: found')
    parser.add_argument('--layouts', action=ShowLayouts, nargs=0, help='print the joints of the built-in layouts')
    return parser.parse_args()


def class_label(store: ClipStore, name: str) -> int:
    """The label of a class given by its name or by its label."""
    if name in store.classes:
        return store.classes.index(name)
    if name.isdecimal() and int(name) < len(store.classes):
        return int(name)
    raise StoreError(f'{store.path} has no class {name!r}: leave it out to see the list of classes.')


def run(args: argparse.Namespace) -> None:
    if args.num < 1 or args.frames < 1:
        raise UserError('--num and --frames: at least 1 is needed.')
    store = ClipStore(args.store)
    chosen = store.split(args.split) if args.split else np.arange(len(store))
    if args.class_name is None:
        counts = np.bincount(store.labels[chosen], minlength=len(store.classes))
        print('\n'.join(f'{label:4d} {count:6d} clips  {store.classes[label]}' for label, count in enumerate(counts)))
        return
    label = class_label(store, args.class_name)
    chosen = chosen[store.labels[chosen] == label]
    if not len(chosen):
        raise StoreError(f'{store.path} has no clip of class {label}, {store.classes[label]!r}.')
    drawn = np.random.default_rng(args.seed).choice(chosen, min(args.num, len(chosen)), replace=False)
    drawn = np.sort(drawn)
    titles = [f'{store.names[index]}, {store.num_frames[index]} frames' for index in drawn]
    figure = draw_frames([store[index] for index in drawn], titles, store.layout, args.frames, up=args.up, size=1.3)
    name = ''.join(letter if letter.isalnum() or letter in ' -.' else '_' for letter in store.classes[label])
    out = args.out or Path(f'{name.replace(" ", "_")}.png')
    save_figure(figure, out, dpi=100)
    print(f'{len(drawn)} of {len(chosen)} clips of class {label}, {store.classes[label]!r}: {out}')


if __name__ == '__main__':
    sys.exit(exit_status(lambda: run(parse_args())))
