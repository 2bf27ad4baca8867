"""Clips cut from the recordings of PKU-MMD."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from mmskelssl.datasets.layouts import NTU25
from mmskelssl.datasets.readers.base import RawClip, Reader
from mmskelssl.datasets.readers.pku_mmd.files import (
    parse_label,
    parse_recording,
    parse_split,
    text_lines,
)
from mmskelssl.utils.errors import ClipError, StoreError
from mmskelssl.utils.files import fingerprint

# As in the data set's table of actions.
ACTIONS = (
    *('bow', 'brushing hair', 'brushing teeth', 'check time (from watch)', 'cheer up', 'clapping'),
    *('cross hands in front (say stop)', 'drink water', 'drop', 'eat meal/snack', 'falling'),
    *('giving something to other person', 'hand waving', 'handshaking', 'hopping (one foot jumping)'),
    *('hugging other person', 'jump up', 'kicking other person', 'kicking something', 'make a phone call/answer phone'),
    *('pat on back of other person', 'pickup', 'playing with phone/tablet', 'point finger at the other person'),
    *('pointing to something with finger', 'punching/slapping other person', 'pushing other person'),
    *('put on a hat/cap', 'put something inside pocket', 'reading', 'rub two hands together', 'salute'),
    *('sitting down', 'standing up', 'take off a hat/cap', 'take off glasses', 'take off jacket'),
    *('take out something from pocket', 'taking a selfie', 'tear up paper', 'throw', 'touch back (backache)'),
    *('touch chest (stomachache/heart pain)', 'touch head (headache)', 'touch neck (neckache)'),
    *('typing on a keyboard', 'use a fan (with hand or paper)/feeling warm', 'wear jacket', 'wear on glasses'),
    *('wipe face', 'writing'),
)
# Of the complete set, as the papers give them.
EXPECTED_SPLITS = {1: {}, 2: {'xsub_train': 5332, 'xsub_test': 1613}}
PHASES = tuple(EXPECTED_SPLITS)

_SPLIT_FILE = re.compile(r'cross[-_](?P<kind>subject|view)(?P<second>_v2)?\.txt')
_SPLITS = dict(subject='xsub', view='xview')
_VIEW = re.compile(r'.*-([LMR])')


class PKUMMDReader(Reader):
    """Reads a phase from its recordings, labels and split files.

    They lie in folders at any depth: recordings and labels as ``NAME.txt`` in folders named for what they hold
    (``skeleton``, ``Label_PKUMMD_v2`` ...), splits as ``cross_subject_v2.txt`` and ``cross_view_v2.txt`` (phase I:
    ``cross-subject.txt`` and ``cross-view.txt``). Every labelled range is a clip, named ``NAME_i`` after the i-th label
    of a recording, counted from 0.

    Args:
        path: A folder.
        phase: 1 or 2.
        ranges: How labels count frames. ``half-open`` (as CMD, I²MD, MMCV): from 0, the end not included. ``inclusive``
            (as AimCLR): from 1, both ends included. The first is the default because results are compared with those
            of CMD, and because the data set's own evaluation takes the length of a range as end - start.

    Raises:
        StoreError: If the path does not hold recordings or labels, or no split of the phase, or a split is unreadable
            or has a recording on both sides.
    """

    layout = NTU25
    classes = ACTIONS

    def __init__(self, path: str | os.PathLike, phase: int = 2, ranges: str = 'half-open') -> None:
        self.path = Path(path)
        self.ranges = ranges
        self.source = dict(dataset='PKU-MMD', phase=phase, path=str(self.path), ranges=ranges)
        if not self.path.is_dir():
            raise StoreError(f'{self.path} is no folder: give that of PKU-MMD, with recordings, labels and splits.')
        files = sorted(self.path.rglob('*.txt'))
        self._recordings = _by_name(files, 'skeleton')
        self._labels = _by_name(files, 'label')
        if not self._recordings or not self._labels:
            missing = 'label' if self._recordings else 'skeleton'
            raise StoreError(f'{self.path} has no folder named {missing} with files NAME.txt.')
        self._names = sorted(self._recordings.keys() | self._labels.keys())
        self._splits = self._read_splits(files, phase)
        used = [*sum(self._recordings.values(), []), *sum(self._labels.values(), []), *self._splits]
        self.fingerprint = f'phase {phase}, {ranges} ranges, {fingerprint(used)}'

    def _read_splits(self, files: list[Path], phase: int) -> dict[Path, tuple[list[str], list[str]]]:
        matches = {file: _SPLIT_FILE.fullmatch(file.name) for file in files}
        of_phase = [file for file, match in matches.items() if match and bool(match['second']) == (phase == 2)]
        if not of_phase:
            other = 'Those of the other phase are: choose it by --phase.' if any(matches.values()) else ''
            raise StoreError(f'{self.path}: the files of the splits (cross_subject_v2.txt for phase II, '
                             f'cross-subject.txt for phase I) are not there. {other}')  # fmt: skip
        splits = {}
        for file in of_phase:
            try:
                splits[file] = training, validation = parse_split(file.read_bytes(), self._origin(file))
            except (ClipError, OSError) as error:
                raise StoreError(f'A split is unreadable: {error}.') from error
            if both := sorted(set(training) & set(validation)):
                raise StoreError(f'{file} has {both} for training and for validation: download it again.')
        return splits

    def __len__(self) -> int:
        return len(self._splits) + len(self._names)

    def read(self, index: int) -> Iterator[RawClip | ClipError]:
        """The clips of a recording, in the order of its labels; what is wrong with a split."""
        if index < len(self._splits):
            yield from self._faults_of_split(list(self._splits)[index])
            return
        name = self._names[index - len(self._splits)]
        label_origin, labels = self._read_file(self._labels, name, f'label/{name}.txt')
        # Empty lines are no labels and do not count.
        numbered = [(number, line) for number, line in enumerate(text_lines(labels, label_origin), 1) if line.strip()]
        try:
            origin, data = self._read_file(self._recordings, name, f'skeleton/{name}.txt')
            recording = parse_recording(data, origin)
        except ClipError as error:
            raise ClipError(f'{error}; its {len(numbered)} labelled clip(s) are left out') from error
        view = _VIEW.fullmatch(name)
        for position, (number, line) in enumerate(numbered):
            place = f'{label_origin}:{number}'
            try:
                label = parse_label(line, self.ranges)
                clip = _cut(recording, label.start, label.stop, origin)
            except ClipError as error:
                yield ClipError(f'{place}: {error}')
                continue
            attributes = dict(
                recording=name,
                view=view[1] if view else '',
                start=label.start,
                stop=label.stop,
                confidence=label.confidence,
            )
            yield RawClip(f'{name}_{position}', label.label, clip, attributes, place)

    def _read_file(self, files: dict[str, list[Path]], name: str, wanted: str) -> tuple[str, bytes]:
        """What a message calls the file, and its content."""
        paths = files.get(name, [])
        if len(paths) != 1:
            others = ', '.join(self._origin(path) for path in paths)
            raise ClipError(f'{wanted} is not there' if not paths else f'recording {name} has several files: {others}')
        try:
            return self._origin(paths[0]), paths[0].read_bytes()
        except OSError as error:
            raise ClipError(f'{self._origin(paths[0])} is unreadable: {error}') from error

    def _faults_of_split(self, file: Path) -> Iterator[ClipError]:
        training, validation = self._splits[file]
        for line, names in ((2, training), (4, validation)):
            absent = sorted(set(names) - self._recordings.keys())
            if absent:
                yield ClipError(f'{self._origin(file)}:{line}: {_some(absent)} named, but there is no such recording')
        unnamed = sorted(self._recordings.keys() - {*training, *validation})
        if unnamed:
            yield ClipError(f'{self._origin(file)}: {_some(unnamed)} not named, so in neither part of the split')

    def _origin(self, file: Path) -> str:
        return file.relative_to(self.path).as_posix()

    def splits(self, clips: Sequence[RawClip]) -> dict[str, list[int]]:
        sides = {
            f'{_SPLITS[_SPLIT_FILE.fullmatch(file.name)["kind"]]}_{side}': set(names)
            for file, parts in self._splits.items()
            for side, names in zip(('train', 'test'), parts, strict=True)
        }
        return {
            name: [i for i, clip in enumerate(clips) if clip.attributes['recording'] in recordings]
            for name, recordings in sides.items()
        }


def _by_name(files: list[Path], folder: str) -> dict[str, list[Path]]:
    """Name to the files under it in the folders that are named for what they hold."""
    found = defaultdict(list)
    for file in files:
        if folder in file.parent.name.lower() and not _SPLIT_FILE.fullmatch(file.name):
            found[file.stem].append(file)
    return dict(found)


def _cut(recording: np.ndarray, start: int, stop: int, origin: str) -> np.ndarray:
    num_frames = recording.shape[1]
    if stop > num_frames:
        raise ClipError(f'the range ends at frame {stop:.9g}, but {origin} has {num_frames}')
    clip = recording[:, start:stop]
    unusable = ~np.isfinite(clip).all(axis=(0, 2, 3))
    if unusable.any():
        raise ClipError(f'{origin}:{start + int(unusable.argmax()) + 1}: NaN or infinite coordinates')
    present = clip.any(axis=(1, 2, 3))
    if not present.any():
        raise ClipError(f'{origin}:{start + 1}: nobody is tracked from here to line {stop}')
    # A row always has room for two bodies.
    return clip[present]


def _some(names: list[str], shown: int = 3) -> str:
    more = f' and {len(names) - shown} more' if len(names) > shown else ''
    return f'{", ".join(names[:shown])}{more}'
