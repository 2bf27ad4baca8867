"""Raw ``.skeleton`` files of NTU RGB+D.

Lines of fields separated by white space: the number of frames; for every frame the number of bodies; for every body a
line of 10 fields (id, clipped edges, confidence and state of both hands, restricted, lean x and y, tracking state), the
number of joints, and for every joint a line of 12 fields (x y z, depth x y, colour x y, orientation w x y z, tracking
state). Only counts and x y z are read as numbers: the others are not used, and Kinect leaves NaN in some.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from mmskelssl.datasets.layouts import NTU25
from mmskelssl.utils.errors import ClipError

# A frame may hold at most this many bodies.
MAX_BODIES = 6
# Five minutes. The longest clips of the data set have some 300 frames; a count is not to take memory by itself.
MAX_FRAMES = 10_000
# Room for as many bodies in some 800 frames. No clip of the data set comes near it.
MAX_BYTES = 16 << 20

_BODY_FIELDS, _JOINT_FIELDS = 10, 12
_NUM_JOINTS = NTU25.num_joints
_LARGEST = float(np.finfo(np.float32).max)


@dataclass
class Bodies:
    """All bodies of a file, one row for each body of each frame, in the order of the file.

    Args:
        joints: (B, 25, 3) float64 coordinates in metres.
        frame: (B,) the frame of each body.
        slot: (B,) its place among the bodies of its frame.
        num_frames: T, counting frames without bodies.
    """

    joints: np.ndarray
    frame: np.ndarray
    slot: np.ndarray
    num_frames: int


def parse_skeleton(data: bytes, origin: str) -> Bodies:
    """Reads the content of a file.

    Line ends of Windows, a byte-order mark, and more white space than there has to be do not matter.

    Args:
        data: The file's bytes.
        origin: The file's name, for messages.

    Raises:
        ClipError: If the content is not a whole ``.skeleton`` file, or no frame has a body. The message names the line.
    """
    if len(data) > MAX_BYTES:
        raise ClipError(f'{origin}: {len(data)} bytes are more than the {MAX_BYTES} allowed for a clip')
    lines = _Lines(data, origin)
    joints: list[float] = []
    frame, slot, first_line = [], [], []
    num_frames = lines.count('the number of frames', 1, MAX_FRAMES)
    for t in range(num_frames):
        for m in range(lines.count('the number of bodies', 0, MAX_BODIES)):
            lines.fields('a body', _BODY_FIELDS)
            lines.count('the number of joints', _NUM_JOINTS, _NUM_JOINTS)
            frame.append(t)
            slot.append(m)
            first_line.append(lines.number)
            joints += lines.joints()
    lines.end()
    if not frame:
        lines.fail(1, 'no frame has a body')
    found = np.array(joints).reshape(-1, _NUM_JOINTS, 3)
    faults = np.argwhere(~(np.abs(found) <= _LARGEST))
    if len(faults):
        body, joint, _ = faults[0]
        lines.fail_joint(first_line[body] + joint + 1)
    return Bodies(found, np.array(frame), np.array(slot), num_frames)


class _Lines:
    """Lines that are checked as they are read; ``number`` is that of the last one, from 1."""

    def __init__(self, data: bytes, origin: str) -> None:
        self.number = 0
        self._lines = data.removeprefix(b'\xef\xbb\xbf').rstrip().split(b'\n')
        self._origin = origin

    def fields(self, what: str, expected: int) -> list[bytes]:
        if self.number == len(self._lines) or self._lines == [b'']:
            self.fail(max(self.number, 1), f'the file ends where {what} is expected')
        line = self._lines[self.number]
        self.number += 1
        found = line.split()
        if len(found) != expected:
            self.fail(self.number, f'{what} has {expected} field(s), not {len(found)} as in {_shown(line)}')
        return found

    def count(self, what: str, lowest: int, highest: int) -> int:
        (field,) = self.fields(what, 1)
        try:
            value = float(field)
        except ValueError:
            value = -1
        if not lowest <= value <= highest or value % 1:
            allowed = str(lowest) if lowest == highest else f'a number from {lowest} to {highest}'
            self.fail(self.number, f'{what} has to be {allowed}, not {_shown(field)}')
        return int(value)

    def joints(self) -> list[float]:
        """x, y and z of the next 25 joints; NaN for what is not a number."""
        coordinates: list[float] = []
        for line in self._lines[self.number : self.number + _NUM_JOINTS]:
            fields = line.split()
            if len(fields) != _JOINT_FIELDS:
                break
            try:
                coordinates += float(fields[0]), float(fields[1]), float(fields[2])
            except ValueError:
                coordinates += [np.nan] * 3
        self.number += len(coordinates) // 3
        if len(coordinates) < 3 * _NUM_JOINTS:
            self.fields('a joint', _JOINT_FIELDS)
        return coordinates

    def end(self) -> None:
        if self.number < len(self._lines):
            self.fail(self.number + 1, f'the file goes on after its last frame: {_shown(self._lines[self.number])}')

    def fail_joint(self, number: int) -> NoReturn:
        fields = self._lines[number - 1].split()[:3]
        self.fail(number, f'coordinates have to be finite numbers, not {_shown(b" ".join(fields))}')

    def fail(self, number: int, fault: str) -> NoReturn:
        raise ClipError(f'{self._origin}:{number}: {fault}')


def _shown(text: bytes) -> str:
    text = text.rstrip()
    return repr(text[:40])[1:] + ('...' if len(text) > 40 else '')
