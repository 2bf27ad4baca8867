"""SHREC'17 hand gestures (De Smedt et al., 3D Hand Gesture Recognition Using a Depth and Skeletal Dataset, 3DOR 2017).

The set is distributed as folders ``gesture_G/finger_F/subject_S/essai_E`` with a file ``skeletons_world.txt``: one line
per frame with x, y, z of the 22 joints of a hand, in metres. ``train_gestures.txt`` and ``test_gestures.txt`` list the
clips of the official split: gesture, finger, subject, trial, label of 14, label of 28, frames.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from mmskelssl.converters.base import RawClip, Reader, positions
from mmskelssl.converters.raw_files import find_files
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

_FILE = 'skeletons_world.txt'
_LISTS = dict(train='train_gestures.txt', test='test_gestures.txt')
_PLACE = 'gesture_{}/finger_{}/subject_{}/essai_{}'
_MAX_BYTES = 8 << 20


class SHREC17Reader(Reader):
    """Reads the clips of both lists from the set's archive or its unpacked folder.

    The splits ``train`` and ``test`` are the official ones; no performer is in both.

    Args:
        path: The zip or tar archive, or a folder that holds the folders and both lists at any depth.
        num_classes: 14 gestures, or 28: each with one finger and with the whole hand.

    Raises:
        StoreError: If the path does not exist, is not a whole archive, or lacks clips or one of the lists.
    """

    layout = HAND22
    split_sizes = dict(train=1960, test=840)

    def __init__(self, path: str | os.PathLike, num_classes: int = 14) -> None:
        self.classes = CLASSES[num_classes]
        self.source = dict(dataset="SHREC'17", path=str(path), classes=num_classes)
        found = find_files([path], '.txt')
        files = found.files
        self._clips = {'/'.join(file.parts[-5:-1]): file for file in files if file.parts[-1] == _FILE}
        if not self._clips:
            raise StoreError(f"{path} holds no {_PLACE.format(*'GFSE')}/{_FILE}: give the archive of SHREC'17, or its "
                             f'folder. {found}')  # fmt: skip
        # Side, place of the line, fields.
        self._entries: list[tuple[str, str, list[str]]] = []
        used = set(_LISTS.values())
        for side, name in _LISTS.items():
            lists = [file for file in files if file.parts[-1] == name]
            if len(lists) != 1:
                raise StoreError(f'{path} holds {name} {len(lists)} times: it is needed once, for the official split.')
            try:
                lines = text_lines(lists[0].read(_MAX_BYTES), str(lists[0]))
            except ClipError as error:
                raise StoreError(f'{error}: the official split is needed.') from error
            self._entries += [(side, f'{lists[0]}:{number}', line.split()) for number, line in enumerate(lines, 1)]
        self._entries.sort(key=lambda entry: [int(field) for field in entry[2][:4] if field.isdecimal()])
        listed = {self._clips.get(_PLACE.format(*fields[:4])) for _, _, fields in self._entries if len(fields) == 7}
        others = [str(file) for file in files if file not in listed and file.parts[-1] not in used]
        self.passed_over = found.passed_over | (
            {'neither lists nor coordinates of a listed clip': others} if others else {}
        )

    def __len__(self) -> int:
        return len(self._entries)

    def read(self, index: int) -> list[RawClip]:
        """The clip of a line."""
        side, origin, fields = self._entries[index]
        try:
            gesture, finger, performer, trial, label14, label28, num_frames = map(int, fields)
        except ValueError:
            raise ClipError(
                f'{origin}: not 7 whole numbers (gesture, finger, subject, trial, two labels, frames)'
            ) from None
        if not (1 <= gesture <= len(GESTURES) and 1 <= finger <= len(FINGERS)):
            raise ClipError(f'{origin}: there is no gesture {gesture} with finger {finger}: gestures go from 1 to '
                            f'{len(GESTURES)}, fingers from 1 to {len(FINGERS)}')  # fmt: skip
        labels = {14: gesture, 28: len(FINGERS) * (gesture - 1) + finger}
        if (label14, label28) != tuple(labels.values()):
            raise ClipError(f'{origin}: labels {label14} and {label28}, but gesture {gesture} with finger {finger} '
                            f'has {labels[14]} and {labels[28]}')  # fmt: skip
        place = _PLACE.format(gesture, finger, performer, trial)
        file = self._clips.get(place)
        if file is None:
            raise ClipError(f'{origin}: there is no {place}/{_FILE}')
        clip = parse_rows(file.read(_MAX_BYTES), str(file), HAND22.num_joints * 3, meaning='22 joints')
        if len(clip) != num_frames:
            raise ClipError(f'{file}: {len(clip)} frames, but {origin} says {num_frames}')
        name = f'g{gesture:02}_f{finger}_s{performer:02}_e{trial:02}'
        attributes = dict(performer=performer, finger=finger, trial=trial, side=side)
        clip = clip.reshape(1, -1, HAND22.num_joints, 3)
        return [RawClip(name, labels[len(self.classes)] - 1, clip, attributes, str(file))]

    def splits(self, clips: Sequence[RawClip]) -> dict[str, list[int]]:
        return {side: positions(clips, 'side', (side,)) for side in _LISTS}
