"""NW-UCLA (Wang et al., Cross-view Action Modeling, Learning and Recognition, CVPR 2014), 20 joints of Kinect v1.

The set is distributed as a folder or a ``.tar.gz`` of JSON files ``aAA_sSS_eEE_vVV.json`` (action, subject, repetition,
camera view) with the keys ``file_name``, ``label`` (1-based) and ``skeletons`` (T x 20 x 3, metres, one person).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mmskelssl.converters.base import RawClip
from mmskelssl.converters.named_files import NamedFilesReader
from mmskelssl.datasets.layouts import KINECT20
from mmskelssl.utils.errors import ClipError

ACTIONS = {
    1: 'pick up with one hand',
    2: 'pick up with two hands',
    3: 'drop trash',
    4: 'walk around',
    5: 'sit down',
    6: 'stand up',
    8: 'donning',
    9: 'doffing',
    11: 'throw',
    12: 'carry',
}


class NWUCLAReader(NamedFilesReader):
    """Reads the set. The split is the standard cross-view one: views 1 and 2 train, view 3 tests.

    As distributed, 95 files of view 3 hold the coordinates of a training clip; ``xview_test_unique`` leaves them out.
    """

    layout = KINECT20
    classes = list(ACTIONS.values())
    dataset = 'NW-UCLA'
    form = 'aAA_sSS_eEE_vVV.json'
    pattern = re.compile(r'a(?P<action>\d\d)_s(?P<subject>\d\d)_e(?P<repetition>\d\d)_v(?P<view>\d\d)\.json')
    suffix = ending = '.json'
    allowed = dict(action=list(ACTIONS))
    sides = dict(xview_train=('view', (1, 2)), xview_test=('view', (3,)))
    split_sizes = dict(xview_train=1020, xview_test=464, xview_test_unique=369)

    def read(self, index: int) -> list[RawClip]:
        return [replace(raw, digest=hashlib.sha256(raw.clip.tobytes()).hexdigest()) for raw in super().read(index)]

    def splits(self, clips: Sequence[RawClip]) -> dict[str, list[int]]:
        sides = super().splits(clips)
        known = {clips[i].digest for i in sides['xview_train']}
        return sides | dict(xview_test_unique=[i for i in sides['xview_test'] if clips[i].digest not in known])

    def parse(self, data: bytes, label: int, origin: str) -> np.ndarray:
        try:
            content = json.loads(data)
            clip = np.array(content['skeletons'], np.float32)[None]
            stated = int(content['label']) - 1
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            raise ClipError(
                f"{origin}: it is not JSON with 'label' and 'skeletons' (T x 20 x 3): {type(error).__name__}: {error}"
            ) from error
        if stated != label:
            raise ClipError(f'{origin}: it says label {stated + 1}, but its action code is class {label + 1}.')
        return clip
