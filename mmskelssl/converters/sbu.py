"""SBU Kinect Interaction (Yun et al., Two-person Interaction Detection, CVPRW 2012), two persons of 15 joints.

The set is distributed as folders ``sXXsYY/CC/NNN`` (the pair, the class, the take) with a file ``skeleton_pos.txt``:
one line per frame, with the frame's number and then x, y, z of the joints of both persons.
There the coordinates are scaled, by another factor along each axis; here they are in metres again, by the formula of
the data set's own readme.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

import numpy as np

from mmskelssl.converters.base import RawClip, Reader
from mmskelssl.converters.raw_files import distinct, find_files
from mmskelssl.converters.text import parse_rows
from mmskelssl.datasets.layouts import SBU15
from mmskelssl.utils.errors import ClipError, StoreError

# In the order of the classes' folders, from 01.
ACTIONS = ('approach', 'depart', 'kick', 'push', 'shake hands', 'hug', 'exchange an object', 'punch')
# The authors' folds of the pairs (performer, partner).
FOLDS = (
    ((1, 2), (3, 4), (5, 2), (6, 4)),
    ((2, 3), (2, 7), (3, 5), (5, 3)),
    ((1, 3), (1, 7), (7, 1), (7, 3)),
    ((2, 1), (2, 6), (3, 2), (3, 6)),
    ((4, 2), (4, 3), (4, 6), (6, 2), (6, 3)),
)
FOLD_SIZES = (55, 52, 56, 54, 65)
EXPECTED_SPLITS = {
    f'fold{fold}_{side}': size if side == 'test' else sum(FOLD_SIZES) - size
    for fold, size in enumerate(FOLD_SIZES, 1)
    for side in ('train', 'test')
}

_FILE = 'skeleton_pos.txt'
_FOLD_OF_PAIR = {pair: fold for fold, pairs in enumerate(FOLDS, 1) for pair in pairs}
_PLACE = re.compile(r's(?P<performer>\d\d)s(?P<partner>\d\d)/(?P<action>\d\d)/(?P<trial>\d\d\d)')
_FRAME = (2, SBU15.num_joints, 3)
# Metres are scale * value + offset.
_SCALE = np.array([-2.56, -1.92, 1.28], np.float32)
_OFFSET = np.array([1.28, 0.96, 0], np.float32)
# The longest clips take 32 KiB.
_MAX_BYTES = 8 << 20


class SBUReader(Reader):
    """Reads the set from archives or unpacked folders.

    The splits are the authors' five folds over pairs: ``fold1_test`` is the first, ``fold1_train`` the four others.

    Args:
        paths: Zip and tar archives, and folders that hold the folders ``sXXsYY`` at any depth.

    Raises:
        StoreError: If a path does not exist, is not a whole archive, or there is no clip.
    """

    layout = SBU15
    classes = ACTIONS

    def __init__(self, paths: Sequence[str | os.PathLike]) -> None:
        self.source = dict(dataset='SBU Kinect Interaction', paths=[str(path) for path in paths])
        found = find_files(paths, _FILE)
        self.passed_over = found.passed_over
        self._files = sorted(distinct(found.files), key=lambda file: (file.parts[-4:], str(file)))
        if not self._files:
            raise StoreError(f'There is no sXXsYY/CC/NNN/{_FILE} in {", ".join(map(str, paths))}: give the archive of '
                             f'SBU Kinect Interaction, or its folder. {found}')  # fmt: skip

    def __len__(self) -> int:
        return len(self._files)

    def read(self, index: int) -> list[RawClip]:
        file = self._files[index]
        place = '/'.join(file.parts[-4:-1])
        match = _PLACE.fullmatch(place)
        if match is None or file.parts[-1] != _FILE:
            raise ClipError(f'{file}: the path does not end in sXXsYY/CC/NNN/{_FILE}')
        performer, partner, action, trial = map(int, match.groups())
        if (performer, partner) not in _FOLD_OF_PAIR or not 1 <= action <= len(ACTIONS):
            raise ClipError(f'{file}: there is no class {action} of the pair s{performer:02}s{partner:02}: classes go '
                            f'from 1 to {len(ACTIONS)}, and the pair has to be one of the 21 in the folds')  # fmt: skip
        fold = _FOLD_OF_PAIR[performer, partner]
        attributes = dict(performer=performer, partner=partner, trial=trial, fold=fold)
        clip = _parse(file.read(_MAX_BYTES), str(file))
        return [RawClip(place.replace('/', '_'), action - 1, clip, attributes, str(file))]

    def splits(self, clips: Sequence[RawClip]) -> dict[str, list[int]]:
        folds = [clip.attributes['fold'] for clip in clips]
        splits = {}
        for number in range(1, len(FOLDS) + 1):
            splits[f'fold{number}_train'] = [i for i, fold in enumerate(folds) if fold != number]
            splits[f'fold{number}_test'] = [i for i, fold in enumerate(folds) if fold == number]
        return splits


def _parse(data: bytes, origin: str) -> np.ndarray:
    """The clip (2, T, 15, 3) in metres, y up."""
    meaning = "the frame's number and 2 persons of 15 joints"
    rows = parse_rows(data, origin, 1 + int(np.prod(_FRAME)), ',', meaning)
    frames = rows[:, 1:].reshape(-1, *_FRAME)
    return (frames * _SCALE + _OFFSET).transpose(1, 0, 2, 3)
