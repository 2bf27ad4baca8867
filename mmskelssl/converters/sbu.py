"""SBU Kinect Interaction (Yun et al., Two-person Interaction Detection, CVPRW 2012), two persons of 15 joints.

The set is distributed as folders ``sXXsYY/CC/NNN`` (the pair, the class, the take) with a file ``skeleton_pos.txt``:
one line per frame, with the frame's number and then x, y, z of the joints of both persons.
There the coordinates are scaled, by another factor along each axis; here they are in metres again, by the formula of
the data set's own readme.
"""

from __future__ import annotations

import re

import numpy as np

from mmskelssl.converters.named_files import NamedFilesReader
from mmskelssl.converters.text import parse_rows
from mmskelssl.datasets.layouts import SBU15
from mmskelssl.utils.errors import ClipError

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
_FOLD_OF_PAIR = {pair: fold for fold, pairs in enumerate(FOLDS, 1) for pair in pairs}
_FRAME = (2, SBU15.num_joints, 3)
# Metres are scale * value + offset.
_SCALE = np.array([-2.56, -1.92, 1.28], np.float32)
_OFFSET = np.array([1.28, 0.96, 0], np.float32)


class SBUReader(NamedFilesReader):
    """Reads the set.

    The splits are the authors' five folds over pairs: ``fold1_test`` is the first, ``fold1_train`` the four others.
    """

    layout = SBU15
    classes = ACTIONS
    dataset = 'SBU Kinect Interaction'
    form = 'sXXsYY/CC/NNN/skeleton_pos.txt'
    pattern = re.compile(r's(?P<performer>\d\d)s(?P<partner>\d\d)/(?P<action>\d\d)/(?P<trial>\d\d\d)/skeleton_pos\.txt')
    suffix, ending = 'skeleton_pos.txt', '/skeleton_pos.txt'
    allowed = dict(action=range(1, len(ACTIONS) + 1))
    sides = {
        f'fold{fold}_{side}': ('fold', [fold] if side == 'test' else sorted({1, 2, 3, 4, 5} - {fold}))
        for fold in range(1, 6)
        for side in ('train', 'test')
    }
    split_sizes = {name: sum(FOLD_SIZES[fold - 1] for fold in folds) for name, (_, folds) in sides.items()}

    def complete(self, attributes: dict[str, int], origin: str) -> None:
        pair = attributes['performer'], attributes['partner']
        if pair not in _FOLD_OF_PAIR:
            raise ClipError(f'{origin}: the pair s{pair[0]:02}s{pair[1]:02} is not one of the 21 in the folds')
        attributes['fold'] = _FOLD_OF_PAIR[pair]

    def parse(self, data: bytes, label: int, origin: str) -> np.ndarray:
        meaning = "the frame's number and 2 persons of 15 joints"
        rows = parse_rows(data, origin, 1 + int(np.prod(_FRAME)), ',', meaning)
        frames = rows[:, 1:].reshape(-1, *_FRAME)
        return (frames * _SCALE + _OFFSET).transpose(1, 0, 2, 3)
