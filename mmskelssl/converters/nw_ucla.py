"""NW-UCLA (Wang et al., Cross-view Action Modeling, Learning and Recognition, CVPR 2014), 20 joints of Kinect v1.

The set is distributed as a folder or a ``.tar.gz`` of JSON files ``aAA_sSS_eEE_vVV.json`` (action, subject, repetition,
camera view) with the keys ``file_name``, ``label`` (1-based) and ``skeletons`` (T x 20 x 3, metres, one person).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence

import numpy as np

from mmskelssl.converters.base import RawClip, Reader
from mmskelssl.converters.raw_files import distinct, find_files
from mmskelssl.datasets.layouts import KINECT20
from mmskelssl.utils.errors import ClipError, StoreError

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
CLASS_OF_ACTION = {action: label for label, action in enumerate(ACTIONS)}
EXPECTED_SPLITS = {'xview_train': 1020, 'xview_test': 464}

# The longest clips take some 0.2 MiB.
_MAX_BYTES = 16 << 20
_NAME = re.compile(r'a(?P<action>\d\d)_s(?P<subject>\d\d)_e(?P<repetition>\d\d)_v(?P<view>\d\d)')


class NWUCLAReader(Reader):
    """Reads the set from its archive or its unpacked folder.

    The split is the standard cross-view one: views 1 and 2 train, view 3 tests.

    Args:
        path: The ``.tar.gz``, or a folder that holds the JSON files at any depth.

    Raises:
        StoreError: If the path does not exist, is not an archive, or holds no clip.
    """

    layout = KINECT20
    classes = list(ACTIONS.values())

    def __init__(self, path: str | os.PathLike) -> None:
        self.source = dict(dataset='NW-UCLA', path=str(path))
        # Archives and file systems list files in any order; the store's order is that of the names.
        found = find_files([path], '.json')
        self.passed_over = found.passed_over
        self._files = sorted(distinct(found.files), key=lambda file: (file.stem, str(file)))
        if not self._files:
            raise StoreError(f'{path} holds no aAA_sSS_eEE_vVV.json: give the NW-UCLA archive or its folder. {found}')

    def __len__(self) -> int:
        return len(self._files)

    def read(self, index: int) -> list[RawClip]:
        file = self._files[index]
        return [_parse(file.stem, file.read(_MAX_BYTES), str(file))]

    def splits(self, clips: Sequence[RawClip]) -> dict[str, list[int]]:
        sides = {'xview_train': (1, 2), 'xview_test': (3,)}
        return {
            name: [i for i, clip in enumerate(clips) if clip.attributes['view'] in views]
            for name, views in sides.items()
        }


def _parse(name: str, text: bytes, origin: str) -> RawClip:
    match = _NAME.fullmatch(name)
    if match is None:
        raise ClipError(f'{origin}: the name is not aAA_sSS_eEE_vVV.json.')
    numbers = {key: int(value) for key, value in match.groupdict().items()}
    action = numbers.pop('action')
    if action not in CLASS_OF_ACTION:
        raise ClipError(f'{origin}: action {action} is not one of {sorted(CLASS_OF_ACTION)}.')
    try:
        content = json.loads(text)
        clip = np.array(content['skeletons'], np.float32)[None]
        stated = int(content['label']) - 1
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise ClipError(
            f"{origin}: it is not JSON with 'label' and 'skeletons' (T x 20 x 3): {type(error).__name__}: {error}"
        ) from error
    if stated != CLASS_OF_ACTION[action]:
        raise ClipError(f"{origin}: it says label {stated + 1}, but its action code {action} is class "
                        f'{CLASS_OF_ACTION[action] + 1}.')  # fmt: skip
    return RawClip(name, stated, clip, numbers, origin)
