"""SHREC'17 hand gestures (De Smedt et al., 3D Hand Gesture Recognition Using a Depth and Skeletal Dataset, 3DOR 2017).

The set is distributed as folders ``gesture_G/finger_F/subject_S/essai_E`` with a file ``skeletons_world.txt``: one line
per frame with x, y, z of the 22 joints of a hand, in metres. ``train_gestures.txt`` and ``test_gestures.txt`` list the
clips of the official split: gesture, finger, subject, trial, label of 14, label of 28, frames.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import NamedTuple

from mmskelssl.converters.base import RawClip, Reader
from mmskelssl.converters.raw_files import RawFile, distinct, find_files
from mmskelssl.converters.text import parse_rows, text_lines
from mmskelssl.datasets.layouts import HAND22
from mmskelssl.utils.errors import ClipError, StoreError

# In the order of the gestures' numbers, from 1.
GESTURES = (
    *('grab', 'tap', 'expand', 'pinch', 'rotation clockwise', 'rotation counter-clockwise', 'swipe right'),
    *('swipe left', 'swipe up', 'swipe down', 'swipe X', 'swipe +', 'swipe V', 'shake'),
)
FINGERS = ('one finger', 'whole hand')
CLASSES = {
    14: GESTURES,
    28: tuple(f'{gesture}, {fingers}' for gesture in GESTURES for fingers in FINGERS),
}
EXPECTED_SPLITS = {'train': 1960, 'test': 840}

_FILE = 'skeletons_world.txt'
_LISTS = {side: f'{side}_gestures.txt' for side in EXPECTED_SPLITS}
_PLACE = 'gesture_{}/finger_{}/subject_{}/essai_{}'
_PLACE_PATTERN = re.compile(_PLACE.format(*[r'(\d{1,3})'] * 4))
_FRAME = (HAND22.num_joints, 3)
# The longest clips take 0.2 MiB.
_MAX_BYTES = 8 << 20

Key = tuple[int, ...]


class _Entry(NamedTuple):
    """A line of a list."""

    side: str
    origin: str
    numbers: tuple[int, ...]


class SHREC17Reader(Reader):
    """Reads the set from its archive or its unpacked folder.

    The splits ``train`` and ``test`` are the official ones; no performer is in both.

    Args:
        path: The zip or tar archive, or a folder that holds the folders and both lists at any depth.
        num_classes: 14 gestures, or 28: each with one finger and with the whole hand.

    Raises:
        StoreError: If the path does not exist, is not a whole archive, or lacks clips or one of the lists.
    """

    layout = HAND22

    def __init__(self, path: str | os.PathLike, num_classes: int = 14) -> None:
        self.classes = CLASSES[num_classes]
        self.source = dict(dataset="SHREC'17", path=str(path), classes=num_classes)
        found = find_files([path], '.txt')
        files = distinct(found.files)
        others = [str(file) for file in files if file.parts[-1] not in (_FILE, *_LISTS.values())]
        self.passed_over = found.passed_over | ({'neither coordinates nor lists of clips': others} if others else {})
        self._files: dict[Key, list[RawFile]] = {}
        self._strangers: list[RawFile] = []
        for file in files:
            if file.parts[-1] == _FILE:
                match = _PLACE_PATTERN.fullmatch('/'.join(file.parts[-5:-1]))
                if match:
                    self._files.setdefault(tuple(map(int, match.groups())), []).append(file)
                else:
                    self._strangers.append(file)
        if not self._files:
            raise StoreError(f"{path} holds no {_PLACE.format(*'GFSE')}/{_FILE}: give the archive of SHREC'17, or its "
                             f'folder. {found}')  # fmt: skip
        self._entries: dict[Key, list[_Entry]] = {}
        self._faults: list[ClipError] = []
        for side, name in _LISTS.items():
            lists = [file for file in files if file.parts[-1] == name]
            if len(lists) != 1:
                raise StoreError(f'{path} holds {name} {len(lists)} times: it is needed once, for the official split.')
            self._read_list(side, lists[0])
        self._keys = sorted(self._files.keys() | self._entries.keys())

    def _read_list(self, side: str, file: RawFile) -> None:
        try:
            lines = text_lines(file.read(_MAX_BYTES), str(file))
        except ClipError as error:
            raise StoreError(f'{error}: the official split is needed.') from error
        for number, line in enumerate(lines, 1):
            fields = line.split()
            origin = f'{file}:{number}'
            if len(fields) == 7 and all(field.isascii() and field.isdigit() and len(field) < 7 for field in fields):
                numbers = tuple(map(int, fields))
                self._entries.setdefault(numbers[:4], []).append(_Entry(side, origin, numbers[4:]))
            else:
                self._faults.append(ClipError(f'{origin}: not 7 whole numbers (gesture, finger, subject, trial, two '
                                              'labels, frames)'))  # fmt: skip

    def __len__(self) -> int:
        return len(self._keys) + len(self._strangers) + len(self._faults)

    def read(self, index: int) -> list[RawClip]:
        """A clip; what is wrong with the name of a file or the line of a list."""
        if index >= len(self._keys):
            index -= len(self._keys)
            if index >= len(self._strangers):
                raise self._faults[index - len(self._strangers)]
            raise ClipError(f'{self._strangers[index]}: the path does not end in {_PLACE.format(*"GFSE")}/{_FILE}')
        key = self._keys[index]
        file, entry = self._file_and_entry(key)
        gesture, finger, performer, trial = key
        if not (1 <= gesture <= len(GESTURES) and 1 <= finger <= len(FINGERS)):
            raise ClipError(f'{file}: there is no gesture {gesture} with finger {finger}: gestures go from 1 to '
                            f'{len(GESTURES)}, fingers from 1 to {len(FINGERS)}')  # fmt: skip
        label14, label28, num_frames = entry.numbers
        labels = {14: gesture, 28: len(FINGERS) * (gesture - 1) + finger}
        if (label14, label28) != tuple(labels.values()):
            raise ClipError(f'{entry.origin}: labels {label14} and {label28}, but gesture {gesture} with finger '
                            f'{finger} has {labels[14]} and {labels[28]}')  # fmt: skip
        clip = parse_rows(file.read(_MAX_BYTES), str(file), HAND22.num_joints * 3, meaning='22 joints')
        clip = clip.reshape(1, -1, *_FRAME)
        if clip.shape[1] != num_frames:
            raise ClipError(f'{file}: {clip.shape[1]} frames, but {entry.origin} says {num_frames}')
        name = f'g{gesture:02}_f{finger}_s{performer:02}_e{trial:02}'
        attributes = dict(performer=performer, finger=finger, trial=trial, side=entry.side)
        return [RawClip(name, labels[len(self.classes)] - 1, clip, attributes, str(file))]

    def _file_and_entry(self, key: Key) -> tuple[RawFile, _Entry]:
        files, entries = self._files.get(key, []), self._entries.get(key, [])
        if not files:
            raise ClipError(f'{entries[0].origin}: there is no {_PLACE.format(*key)}/{_FILE}')
        if len(files) > 1:
            raise ClipError(f'{files[1]}: the clip exists twice, also as {files[0]}')
        if not entries:
            raise ClipError(f'{files[0]}: neither {" nor ".join(_LISTS.values())} names the clip')
        if len(entries) > 1:
            raise ClipError(f'{entries[1].origin}: the clip is listed twice, first at {entries[0].origin}')
        return files[0], entries[0]

    def splits(self, clips: Sequence[RawClip]) -> dict[str, list[int]]:
        return {side: [i for i, clip in enumerate(clips) if clip.attributes['side'] == side] for side in _LISTS}
