"""Which training clips of a semi-supervised protocol have a label.

A draw is a function of clip names: every name is hashed together with the draw's number, and the clips with the lowest
hashes are drawn. So it depends on no library's random numbers, a smaller ratio's clips are among a larger one's, and
two labs with the same names have the same draw. The files that are shipped hold the result, one line a clip::

    # 5 draws, random, of 40091 clips
    - 10 - - 5 S001C001P001R001A001

says that the second draw has this clip from 10 % on, the fifth from 5 % on, and the others do not have it at 20 %.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from mmskelssl.utils.errors import StoreError
from mmskelssl.utils.files import written_beside

RATIOS = (1, 5, 10, 20)
NUM_DRAWS = 5


def names_digest(names: Iterable[str]) -> str:
    """SHA-256 of clip names, in whichever order they come."""
    return hashlib.sha256('\n'.join(sorted(map(str, names))).encode()).hexdigest()


def draw_ranks(names: Iterable[str], draw: int) -> np.ndarray:
    """(N,) the place of each clip in the order of a draw."""
    keys = [hashlib.sha256(f'{draw}/{name}'.encode()).digest() for name in names]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return np.argsort(order)


def drawn_ratios(names: Iterable[str], labels: ArrayLike, draw: int, balanced: bool) -> np.ndarray:
    """From which of ``RATIOS`` on a draw has each clip.

    Args:
        names: (N,) clip names.
        labels: (N,) classes.
        draw: Number of the draw.
        balanced: Whether the ratio holds for each class, with at least one clip of each; else, as in the papers, it
            holds for all clips together.

    Returns:
        (N,) int64 percentages; 0 for clips that are not drawn at any ratio.
    """
    ranks, classes = draw_ranks(names, draw), np.asarray(labels)
    result = np.zeros(len(ranks), np.int64)
    groups = [np.flatnonzero(classes == label) for label in np.unique(classes)] if balanced else [np.arange(len(ranks))]
    for group in groups:
        order = group[ranks[group].argsort()]
        for ratio in sorted(RATIOS, reverse=True):
            count = len(group) * ratio // 100
            result[order[: max(count, balanced)]] = ratio
    return result


def drawn_names(
    names: Sequence[str], labels: Sequence[int], ratio: int, draw: int, balanced: bool = False
) -> list[str]:
    """Names of the clips that have a label; arguments as for :func:`drawn_ratios` and :func:`read_draw`.

    Raises:
        StoreError: If there is no such draw, or no clip in it.
    """
    _check_draw(ratio, draw)
    ratios = drawn_ratios(names, labels, draw, balanced)
    found = [str(name) for name, first in zip(names, ratios, strict=True) if 0 < first <= ratio]
    return _not_none(found, ratio, f'{len(names)} training clips')


def write_draws(path: str | os.PathLike, names: Sequence[str], labels: Sequence[int], balanced: bool) -> None:
    """Writes the draws of a training split of clips (N,) as gzipped text; ``balanced`` as for :func:`drawn_ratios`.

    Raises:
        StoreError: If a name has a line break, which the file cannot hold.
    """
    broken = [str(name) for name in names if str(name).splitlines() != [name]]
    if broken:
        raise StoreError(f'Clip {broken[0]!r} has a line break in its name, or none: rename it.')
    ratios = np.stack([drawn_ratios(names, labels, draw, balanced) for draw in range(NUM_DRAWS)], axis=1)
    kind = 'balanced' if balanced else 'random'
    lines = [f'# {NUM_DRAWS} draws, {kind}, of {len(names)} clips']
    lines += [
        ' '.join([*(str(ratio) if ratio else '-' for ratio in row), name])
        for name, row in sorted(zip(names, ratios.tolist(), strict=True))
        if any(row)
    ]
    with written_beside(path) as beside, open(beside, 'wb') as file:
        # Without the time of writing, so that the same draws are the same bytes.
        with gzip.GzipFile('', 'wb', fileobj=file, mtime=0) as packed:
            packed.write(('\n'.join(lines) + '\n').encode())


def read_draw(path: str | os.PathLike, ratio: int, draw: int) -> list[str]:
    """Names of the clips that have a label.

    Args:
        path: File of :func:`write_draws`.
        ratio: One of ``RATIOS``, in percent.
        draw: Number of the draw, from 0.

    Raises:
        StoreError: If the file is missing or damaged, or holds no such draw.
    """
    _check_draw(ratio, draw)
    try:
        with gzip.open(path, 'rt', encoding='utf-8') as file:
            rows = [line.rstrip('\n').split(' ', NUM_DRAWS) for line in file if not line.startswith('#')]
        found = [name for *ratios, name in rows if ratios[draw] != '-' and int(ratios[draw]) <= ratio]
    except FileNotFoundError as error:
        raise StoreError(
            f'No label draws at {path}: make them with tools/misc/make_draws.py STORE SPLIT {Path(path).name}.'
        ) from error
    except (EOFError, IndexError, OSError, ValueError) as error:
        raise StoreError(f'Label draws {path} are damaged: make them again with tools/misc/make_draws.py.') from error
    return _not_none(found, ratio, f'clips in {path}')


def _check_draw(ratio: int, draw: int) -> None:
    if ratio not in RATIOS or draw not in range(NUM_DRAWS):
        raise StoreError(f'No draw {draw} at {ratio} %: there are {NUM_DRAWS}, from 0, at {RATIOS} %.')


def _not_none(found: list[str], ratio: int, clips: str) -> list[str]:
    if not found:
        raise StoreError(f'{ratio} % of the {clips} are none: take a higher ratio, or balanced draws.')
    return found
