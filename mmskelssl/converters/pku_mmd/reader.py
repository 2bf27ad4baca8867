"""Clips cut from the recordings of PKU-MMD."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import NamedTuple

import numpy as np

from mmskelssl.converters.base import RawClip, Reader, positions
from mmskelssl.converters.messages import some
from mmskelssl.converters.pku_mmd.files import MAX_BYTES, is_heading, parse_label, parse_recording, parse_split
from mmskelssl.converters.raw_files import PassedOver, RawFile, described, find_files
from mmskelssl.converters.text import text_lines
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.utils.errors import ClipError, StoreError

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

_SPLIT_FILE = re.compile(r'cross[-_](?P<kind>subject|view)(?P<second>_v2)?')
_SPLITS = dict(subject='xsub', view='xview')
_VIEW = re.compile(r'.*-([LMR])')


class PKUMMDReader(Reader):
    """Reads a phase from its recordings, labels and split files, in folders, at any depth, and zip archives.

    Recordings and labels are files ``NAME.txt`` in folders or archives named for what they hold (``skeleton``,
    ``Label_PKUMMD_v2`` ...), splits are ``cross_subject_v2.txt`` and ``cross_view_v2.txt`` (phase I:
    ``cross-subject.txt`` and ``cross-view.txt``). Every labelled range is a clip, named ``NAME_i`` after the i-th label
    of a recording, counted from 0.

    Args:
        paths: Folders and archives.
        phase: 1 or 2.
        ranges: How labels count frames. ``half-open`` (as CMD, I²MD, MMCV): from 0, the end not included. ``inclusive``
            (as AimCLR): from 1, both ends included. The first is the default because results are compared with those
            of CMD, and because the data set's own evaluation takes the length of a range as end - start.

    Raises:
        StoreError: If there are no recordings, no labels, or no split of the phase, or a split is unreadable or has a
            recording on both sides.
    """

    layout = NTU25
    classes = ACTIONS
    pads_persons = True

    def __init__(self, paths: Sequence[str | os.PathLike], phase: int = 2, ranges: str = 'half-open') -> None:
        self.ranges = ranges
        where = ', '.join(map(str, paths))
        found = find_files(paths, '.txt')
        splits = {file: match for file in found.files if (match := _SPLIT_FILE.fullmatch(file.stem))}
        others = [file for file in found.files if not _SPLIT_FILE.fullmatch(file.stem)]
        self._recordings = _by_name(others, 'skeleton')
        self._labels = _by_name(others, 'label')
        self.passed_over = found.passed_over | _unused(others, splits, phase)
        for kind, files in (('skeleton', self._recordings), ('label', self._labels)):
            if not files:
                raise StoreError(f'{where}: there is no folder or archive named {kind} with files NAME.txt. '
                                 f'{" ".join(described(self.passed_over))}')  # fmt: skip
        self._names = sorted(self._recordings.keys() | self._labels.keys())
        self._splits = [_Split.read(file, match) for file, match in splits.items() if _phase(match) == phase]
        if not self._splits:
            other = ' Those of the other phase are: choose it by --phase.' if splits else ''
            raise StoreError(f'{where}: the splits of phase {phase} (cross_subject_v2.txt for phase 2, '
                             f'cross-subject.txt for phase 1) are not there.{other}')  # fmt: skip
        self.split_sizes = EXPECTED_SPLITS[phase]
        self.source = dict(dataset='PKU-MMD', phase=phase, paths=[str(path) for path in paths], ranges=ranges)

    def __len__(self) -> int:
        return len(self._splits) + len(self._names)

    def read(self, index: int) -> Iterator[RawClip | ClipError]:
        """What is wrong with a split; the clips of a recording, in the order of its labels."""
        if index < len(self._splits):
            yield from self._splits[index].faults(self._recordings.keys())
            return
        name = self._names[index - len(self._splits)]
        label_file = _only(self._labels, name, 'labels')
        lines = text_lines(label_file.read(MAX_BYTES), str(label_file))
        # Empty lines and a heading are not labels and do not count.
        numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
        if len(numbered) > 1 and is_heading(numbered[0][1]):
            del numbered[0]
        try:
            file = _only(self._recordings, name, 'coordinates')
            recording = parse_recording(file.read(MAX_BYTES), str(file))
        except ClipError as error:
            raise ClipError(f'{error}; its {len(numbered)} labelled clip(s) are left out') from error
        view = _VIEW.fullmatch(name)
        for position, (number, line) in enumerate(numbered):
            place = f'{label_file}:{number}'
            try:
                label = parse_label(line, self.ranges)
                clip = _cut(recording, label.start, label.stop, str(file))
            except ClipError as error:
                yield ClipError(f'{place}: {error}')
                continue
            attributes = dict(recording=name, view=view[1] if view else '', **label._asdict())
            yield RawClip(f'{name}_{position}', attributes.pop('label'), clip, attributes, place)

    def splits(self, clips: Sequence[RawClip]) -> dict[str, list[int]]:
        return {
            f'{split.name}_{side}': positions(clips, 'recording', recordings)
            for split in self._splits
            for side, recordings in (('train', split.training), ('test', split.validation))
        }


class _Split(NamedTuple):
    """A split and the names of its recordings."""

    file: RawFile
    name: str
    training: frozenset[str]
    validation: frozenset[str]

    @classmethod
    def read(cls, file: RawFile, match: re.Match) -> _Split:
        try:
            training, validation = map(frozenset, parse_split(file.read(MAX_BYTES), str(file)))
        except ClipError as error:
            raise StoreError(f'A split is unreadable: {error}.') from error
        if both := sorted(training & validation):
            raise StoreError(f'{file} has {some(both)} for training and for validation: download it again.')
        return cls(file, _SPLITS[match['kind']], training, validation)

    def faults(self, recordings: Set[str]) -> Iterator[ClipError]:
        """What it names and is not there, and what it does not name."""
        for names in (self.training, self.validation):
            if absent := sorted(names - recordings):
                yield ClipError(f'{self.file}: names {some(absent)}, but there is no such recording')
        if unnamed := sorted(recordings - self.training - self.validation):
            yield ClipError(f'{self.file}: does not name {some(unnamed)}: their clips are in neither part of the split')


def _phase(match: re.Match) -> int:
    return 2 if match['second'] else 1


def _by_name(files: Sequence[RawFile], folder: str) -> dict[str, list[RawFile]]:
    """Name to the files under it in the folders that are named for what they hold."""
    found = defaultdict(list)
    for file in files:
        if folder in file.folder.lower():
            found[file.stem].append(file)
    return found


def _unused(others: Sequence[RawFile], splits: Mapping[RawFile, re.Match], phase: int) -> PassedOver:
    strangers = [str(file) for file in others if not re.search('skeleton|label', file.folder.lower())]
    of_other_phase = [str(file) for file, match in splits.items() if _phase(match) != phase]
    unused = {
        'in no folder or archive named skeleton or label': strangers,
        'splits of the other phase': of_other_phase,
    }
    return {reason: paths for reason, paths in unused.items() if paths}


def _only(files: Mapping[str, Sequence[RawFile]], name: str, what: str) -> RawFile:
    found = files.get(name, [])
    if len(found) == 1:
        return found[0]
    reason = f'there are several: {", ".join(map(str, found))}' if found else 'there is none'
    raise ClipError(f'recording {name} needs a file of {what} {name}.txt, but {reason}')


def _cut(recording: np.ndarray, start: int, stop: int, origin: str) -> np.ndarray:
    num_frames = recording.shape[1]
    if stop > num_frames:
        raise ClipError(f'the range ends at frame {stop:.9g}, but {origin} has {num_frames}')
    clip = recording[:, start:stop]
    unusable = ~np.isfinite(clip).all(axis=(0, 2, 3))
    if unusable.any():
        raise ClipError(f'{origin}:{start + int(unusable.argmax()) + 1}: NaN or infinite coordinates')
    if not clip.any():
        raise ClipError(f'{origin}:{start + 1}: nobody is tracked from here to line {stop}')
    return clip
