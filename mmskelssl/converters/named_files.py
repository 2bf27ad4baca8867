"""Raw data sets of one file per clip, whose path says what the clip is."""

from __future__ import annotations

import os
import re
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from mmskelssl.converters.base import RawClip, Reader, positions
from mmskelssl.converters.raw_files import find_files
from mmskelssl.utils.errors import ClipError, StoreError

# The longest clips take 0.2 MiB.
_MAX_BYTES = 16 << 20


class NamedFilesReader(Reader):
    """Reads a set from its archives or unpacked folders, at any depth; clips come in the order of their paths.

    Args:
        paths: Zip or tar archive, or folder; or several of them.

    Attributes:
        dataset: Name of the set.
        form: End of a clip's path, as people write it, such as ``sXXsYY/CC/NNN/skeleton_pos.txt``.
        pattern: The same, with a group for each number that the path says; ``action`` is one of them.
        suffix: End of the files' names.
        ending: What a clip's name leaves out at the end of its path.
        allowed: The values that a number may have; those of ``action`` in the order of the classes.
        sides: Split name to an attribute and the values that its clips have.

    Raises:
        StoreError: If a path does not exist, is not a whole archive, or there is no clip.
    """

    dataset: str
    form: str
    pattern: re.Pattern
    suffix: str
    ending: str
    allowed: Mapping[str, Sequence[int]]
    sides: Mapping[str, tuple[str, Collection[int]]]

    def __init__(self, paths: str | os.PathLike | Sequence[str | os.PathLike]) -> None:
        is_one = isinstance(paths, (str, os.PathLike))
        places = [str(path) for path in ([paths] if is_one else paths)]
        self.source = dict(dataset=self.dataset, **(dict(path=places[0]) if is_one else dict(paths=places)))
        found = find_files(places, self.suffix)
        self.passed_over = found.passed_over
        self._depth = self.form.count('/') + 1
        self._files = sorted(found.files, key=lambda file: (file.parts[-self._depth :], str(file)))
        if not self._files:
            raise StoreError(f'There is no {self.form} in {", ".join(places)}: give the archive of {self.dataset}, or '
                             f'its folder. {found}')  # fmt: skip

    def __len__(self) -> int:
        return len(self._files)

    def read(self, index: int) -> list[RawClip]:
        file = self._files[index]
        place = '/'.join(file.parts[-self._depth :])
        match = self.pattern.fullmatch(place)
        if match is None:
            raise ClipError(f'{file}: the path does not end in {self.form}')
        attributes = {key: int(value) for key, value in match.groupdict().items()}
        for key, values in self.allowed.items():
            if attributes[key] not in values:
                raise ClipError(f'{file}: {key} {attributes[key]} is not one of {", ".join(map(str, values))}')
        label = self.allowed['action'].index(attributes.pop('action'))
        self.complete(attributes, str(file))
        clip = self.parse(file.read(_MAX_BYTES), label, str(file))
        return [RawClip(place.removesuffix(self.ending).replace('/', '_'), label, clip, attributes, str(file))]

    def complete(self, attributes: dict[str, int], origin: str) -> None:
        """Checks the numbers of a path together, and adds what follows from them."""

    @abstractmethod
    def parse(self, data: bytes, label: int, origin: str) -> np.ndarray:
        """The clip (M, T, V, C) in a file.

        Raises:
            ClipError: If the content is something else.
        """

    def splits(self, clips: Sequence[RawClip]) -> dict[str, list[int]]:
        return {name: positions(clips, attribute, values) for name, (attribute, values) in self.sides.items()}
