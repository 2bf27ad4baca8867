"""Raw ``.skeleton`` files of NTU RGB+D.

Lines of fields separated by white space: the number of frames; for every frame the number of bodies; for every body a
line of 10 fields (id, clipped edges, confidence and state of both hands, restricted, lean x and y, tracking state), the
number of joints, and for every joint a line of 12 fields (x y z, depth x y, colour x y, orientation w x y z, tracking
state). Only counts and x y z are read as numbers: the others are not used, and Kinect leaves NaN in some.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

from mmskelssl.converters.ntu.decimals import parse_decimal, parse_decimals
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
# A body's line, its joint count, its joints.
_BODY_LINES = 2 + _NUM_JOINTS
_TO_SPACES = bytes.maketrans(b'\t\r\f\v', b'    ')
# So that one line of a broken file does not take memory for millions of fields.
_LONGEST_LINE = 10_000
_LARGEST = float(np.finfo(np.float32).max)


@dataclass
class Bodies:
    """All bodies of a file, one row for each body of each frame, in the order of the file.

    Args:
        joints: (B, 25, 3) float64 coordinates in metres.
        frame: (B,) the frame of each body.
        slot: (B,) its place among the bodies of its frame.
        person: (B,) number of its id, which Kinect keeps as long as it follows a body, in the order of appearance.
        num_frames: T, counting frames without bodies.
    """

    joints: np.ndarray
    frame: np.ndarray
    slot: np.ndarray
    person: np.ndarray
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
    bodies = _parse(data.replace(b'\r\n', b'\n') if b'\r' in data else data)
    if bodies is None:
        data = _normalized(data)
        bodies = _parse(data)
        if bodies is None:
            raise ClipError(f'{origin}:{_first_fault(data)}')
    return bodies


def _normalized(data: bytes) -> bytes:
    """The same lines without a byte-order mark, with one space between fields, and ended."""
    data = data.removeprefix(b'\xef\xbb\xbf').rstrip().translate(_TO_SPACES)
    while b'  ' in data:
        data = data.replace(b'  ', b' ')
    return data.replace(b' \n', b'\n').replace(b'\n ', b'\n').lstrip(b' ') + (b'\n' if data else b'')


def _parse(data: bytes) -> Bodies | None:
    """Reads a file whose fields are separated by exactly one space or line end; gives None if there is a fault.

    The lines with 10 fields are bodies; together with the fixed number of lines that follow each they leave the counts
    of the frames, which have to agree with where the bodies are.
    """
    text = np.frombuffer(data, np.uint8)
    # Nothing shorter holds a body, and none of the steps below meets an empty array.
    if len(text) < _BODY_LINES or text[-1] != ord('\n') or text.max() > ord('~'):
        return None
    ends = np.flatnonzero(text <= ord(' '))
    separators = text[ends]
    starts = np.concatenate([[0], ends[:-1] + 1])
    is_line_end = separators == ord('\n')
    if (starts == ends).any() or not (is_line_end | (separators == ord(' '))).all():
        return None

    last_field = np.flatnonzero(is_line_end)
    first_field = np.concatenate([[0], last_field[:-1] + 1])
    num_fields = last_field + 1 - first_field
    body_lines = np.flatnonzero(num_fields == _BODY_FIELDS)[:, None] + np.arange(_BODY_LINES)
    num_bodies = len(body_lines)
    if not num_bodies or body_lines[-1, -1] >= len(num_fields):
        return None
    is_count = np.ones(len(num_fields), bool)
    is_count[body_lines] = False
    counts = np.flatnonzero(is_count)
    if counts[:2].tolist() != [0, 1]:
        return None
    joint_lines = body_lines[:, 2:]
    single = np.concatenate([counts, body_lines[:, 1]])
    if not ((num_fields[joint_lines] == _JOINT_FIELDS).all() and (num_fields[single] == 1).all()):
        return None

    coordinates = first_field[joint_lines][..., None] + np.arange(3)
    fields = np.concatenate([coordinates.ravel(), first_field[single]])
    values = parse_decimals(text, starts[fields], ends[fields])
    joints, frame_counts, joint_counts = np.split(values, [coordinates.size, coordinates.size + len(counts)])
    num_frames, bodies_of_frame = frame_counts[0], frame_counts[1:]
    if not (
        num_frames == len(bodies_of_frame) <= MAX_FRAMES
        and (bodies_of_frame <= MAX_BODIES).all()
        and (np.diff(counts[1:], append=len(num_fields)) == 1 + _BODY_LINES * bodies_of_frame).all()
        and (joint_counts == _NUM_JOINTS).all()
        and (np.abs(joints) <= _LARGEST).all()
    ):
        return None
    bodies_of_frame = bodies_of_frame.astype(np.int64)
    frame = np.repeat(np.arange(len(bodies_of_frame)), bodies_of_frame)
    first_body = np.cumsum(bodies_of_frame) - bodies_of_frame
    slot = np.arange(num_bodies) - first_body[frame]
    # Compared as text: 17 digits are more than a float tells apart.
    ids = first_field[body_lines[:, 0]]
    names = [data[start:end] for start, end in zip(starts[ids].tolist(), ends[ids].tolist(), strict=True)]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    person = np.array([numbers[name] for name in names])
    return Bodies(joints.reshape(num_bodies, _NUM_JOINTS, 3), frame, slot, person, len(bodies_of_frame))


def _first_fault(data: bytes) -> str:
    """Says in which line normalized text stops being a ``.skeleton`` file, and how, by reading line after line."""
    lines = _Lines(data)
    try:
        num_bodies = 0
        for _ in range(lines.count('the number of frames', 1, MAX_FRAMES)):
            for _ in range(lines.count('the number of bodies', 0, MAX_BODIES)):
                lines.fields('a body', _BODY_FIELDS)
                lines.count('the number of joints', _NUM_JOINTS, _NUM_JOINTS)
                for _ in range(_NUM_JOINTS):
                    lines.joint()
                num_bodies += 1
        lines.end()
    except _Fault as fault:
        return f'{max(lines.number, 1)}: {fault}'
    return '1: no frame has a body' if not num_bodies else '1: not a .skeleton file'


class _Fault(Exception):
    pass


class _Lines:
    """Lines that are checked as they are read."""

    def __init__(self, data: bytes) -> None:
        self.number = 0
        self._file = io.BytesIO(data)

    def fields(self, what: str, expected: int) -> list[bytes]:
        line = self._file.readline(_LONGEST_LINE)
        if not line:
            raise _Fault(f'the file ends where {what} is expected')
        self.number += 1
        found = line.split()
        if any(byte < ord('!') or byte > ord('~') for field in found for byte in field):
            raise _Fault(f'{what} is expected, not binary data {_shown(line)}')
        if len(found) != expected:
            raise _Fault(f'{what} has {expected} field(s), not {len(found)} as in {_shown(line)}')
        return found

    def count(self, what: str, lowest: int, highest: int) -> int:
        (field,) = self.fields(what, 1)
        value = parse_decimal(field)
        if not lowest <= value <= highest or value % 1:
            allowed = str(lowest) if lowest == highest else f'a number from {lowest} to {highest}'
            raise _Fault(f'{what} has to be {allowed}, not {_shown(field)}')
        return int(value)

    def joint(self) -> None:
        for field in self.fields('a joint', _JOINT_FIELDS)[:3]:
            if not abs(parse_decimal(field)) <= _LARGEST:
                raise _Fault(f'a coordinate has to be a finite number, not {_shown(field)}')

    def end(self) -> None:
        if line := self._file.readline():
            self.number += 1
            raise _Fault(f'the file goes on after its last frame: {_shown(line)}')


def _shown(text: bytes) -> str:
    text = text.rstrip()
    return repr(text[:40])[1:] + ('...' if len(text) > 40 else '')
