"""Shows clips of a store: as an HTML page to play, scrub and turn them, as a GIF, or as an MP4."""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path

import numpy as np

from mmskelssl.cli.exit_status import exit_status
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.layouts import UP_AXES
from mmskelssl.utils.errors import StoreError
from mmskelssl.utils.files import written_beside
from mmskelssl.visualization import animate, player_page


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('store', help='folder of the clip store')
    parser.add_argument('names', nargs='+', metavar='name', help='name of a clip; several are shown side by side')
    parser.add_argument('--out', type=Path, help='file ending in .html, .gif or .mp4; default: the first name + .html')
    parser.add_argument('--fps', type=float, default=30, help='frames per second (default: 30)')
    parser.add_argument('--up', choices=UP_AXES, help='axis that points up (give it as --up=-y); default: found')
    parser.add_argument('--turn', type=float, default=0, help='degrees to turn the bodies by, in GIF and MP4')
    return parser.parse_args()


def find(store: ClipStore, name: str) -> int:
    """Index of a clip."""
    found = np.flatnonzero(store.names == name)
    if len(found):
        return int(found[0])
    close = difflib.get_close_matches(name, store.names.tolist(), n=3) or store.names[:3].tolist()
    raise StoreError(f'{store.path} has no clip {name!r}. Its {len(store)} clips are named like {", ".join(close)}.')


def run(args: argparse.Namespace) -> None:
    store = ClipStore(args.store)
    indices = [find(store, name) for name in args.names]
    clips = [store[index] for index in indices]
    titles = [f'{store.names[index]}: {store.classes[store.labels[index]]}' for index in indices]
    # Names may come from files in folders.
    out = args.out or Path(f'{args.names[0].replace("/", "_")}.html')
    if out.suffix.lower() in ('.html', '.htm'):
        page = player_page(clips, titles, store.layout, args.fps, args.up)
        with written_beside(out) as beside:
            beside.write_text(page, encoding='utf-8')
    else:
        animate(clips, titles, store.layout, out, args.fps, args.turn, args.up)
    print(f'written: {out}')


if __name__ == '__main__':
    sys.exit(exit_status(lambda: run(parse_args())))
