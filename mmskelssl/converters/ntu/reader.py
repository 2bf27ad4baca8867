"""Reads NTU RGB+D 60 or 120."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmskelssl.converters.base import RawClip, Reader
from mmskelssl.converters.ntu.bodies import BODY_SELECTIONS
from mmskelssl.converters.ntu.sets import NTU60, NTU120, NTUDataset, clips_without_skeleton, parse_clip_name
from mmskelssl.converters.ntu.skeleton_file import MAX_BYTES, parse_skeleton
from mmskelssl.converters.raw_files import RawFile, find_files
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.utils.errors import ClipError, StoreError
from mmskelssl.utils.memory import keep_freed_memory

SUFFIX = '.skeleton'


class NTUReader(Reader):
    """Reads ``.skeleton`` files from folders and from zip archives as they are distributed, without unpacking them.

    Clips come in the order of their names, wherever they lie. The published clips without a skeleton are left out, and
    of NTU RGB+D 60 those of setups 18 and more.

    Args:
        paths: Folders, searched at any depth, archives, and files.
        dataset: Which of the two sets to make; by default 120 if there is any setup above 17, and else 60.
        bodies: Which bodies are the persons: one of :data:`BODY_SELECTIONS`.

    Raises:
        StoreError: If a path does not exist, is not a whole archive, or there is no ``.skeleton`` file.
    """

    layout = NTU25

    def __init__(
        self, paths: Sequence[str | os.PathLike], dataset: NTUDataset | None = None, bodies: str = 'energy'
    ) -> None:
        found = find_files(paths, SUFFIX)
        if not found.files:
            raise StoreError(f'There is no {SUFFIX} file in {", ".join(map(str, paths))}: give the folder or the zip '
                             f'archives of the skeletons of NTU RGB+D. {found}')  # fmt: skip
        every = sorted(found.files, key=lambda file: (file.stem, str(file)))
        setups = [_setup(file) for file in every]
        self.dataset = dataset or (NTU120 if max(setups) > NTU60.num_setups else NTU60)
        others = [str(file) for file, setup in zip(every, setups, strict=True) if setup > self.dataset.num_setups]
        files = [file for file, setup in zip(every, setups, strict=True) if setup <= self.dataset.num_setups]
        missing = clips_without_skeleton()
        self.files = [file for file in files if file.stem not in missing]
        left_out = {
            f'of setups that {self.dataset.name} does not have': others,
            'published as without a skeleton': [str(file) for file in files if file.stem in missing],
        }
        self.passed_over = found.passed_over | {reason: paths for reason, paths in left_out.items() if paths}
        self.classes = self.dataset.classes
        self.split_sizes = self.dataset.split_sizes
        self.bodies = bodies
        self.source = dict(
            dataset=self.dataset.name,
            paths=[str(path) for path in paths],
            bodies=bodies,
            without_skeleton=len(files) - len(self.files),
        )

    def __len__(self) -> int:
        return len(self.files)

    def read(self, index: int) -> list[RawClip]:
        file = self.files[index]
        try:
            numbers = parse_clip_name(file.stem)
        except ClipError as error:
            raise ClipError(f'{file}: {error}') from error
        clip = _read_clip(file.read(MAX_BYTES), str(file), self.bodies)
        return [RawClip(file.stem, numbers.pop('action') - 1, clip, numbers, str(file))]

    def splits(self, clips: Sequence[RawClip]) -> dict[str, list[int]]:
        return self.dataset.splits(clips)


def read_skeleton_file(path: str | os.PathLike, bodies: str = 'energy') -> np.ndarray:
    """Reads one raw file.

    Args:
        path: The file.
        bodies: Which bodies are the persons: one of :data:`BODY_SELECTIONS`.

    Returns:
        (M, T, 25, 3) float32 coordinates in metres, zero where a person is not tracked; M is 1 or 2.

    Raises:
        ClipError: If the file is unreadable or not a whole ``.skeleton`` file. The message names the line.
    """
    return _read_clip(RawFile(Path(path)).read(MAX_BYTES), os.fspath(path), bodies)


def _read_clip(data: bytes, origin: str, bodies: str) -> np.ndarray:
    # Otherwise half of the time goes into requesting the same memory from the system for each clip.
    keep_freed_memory()
    return BODY_SELECTIONS[bodies](parse_skeleton(data, origin))


def _setup(file: RawFile) -> int:
    """The clip's setup; 0 where the name has none: reading the clip reports that."""
    try:
        return parse_clip_name(file.stem)['setup']
    except ClipError:
        return 0
