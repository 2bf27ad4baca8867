"""What a reader of a raw format provides, so that a conversion can read it in pieces and in parallel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.utils.errors import ClipError


@dataclass
class RawClip:
    """A clip as a reader hands it over.

    Args:
        name: Unique name.
        label: 0-based class.
        clip: (M, T, V, C) coordinates in metres.
        attributes: Facts about the clip, numbers or text; the same keys for all clips of a reader.
        origin: Where the clip was read (a file, or a file and a line), for messages.
        repairs: What the reader changed in it, one sentence each.
        digest: Of the coordinates, from readers whose splits depend on which clips are the same.
    """

    name: str
    label: int
    clip: np.ndarray
    attributes: dict = field(default_factory=dict)
    origin: str = ''
    repairs: Sequence[str] = ()
    digest: str = ''


class Reader(ABC):
    """Random access to a raw data set. One file or package in ``converters/`` implements it for one format.

    A reader is a list of sources: files, members of an archive, recordings. Making one lists the sources and does not
    read them. Sources are read in any order, and in processes forked after the reader was made: so :meth:`read` depends
    on the index alone and opens what it reads itself. Iterating gives all clips and errors in order.

    Attributes:
        layout: What the joints mean.
        classes: Names of the classes.
        source: Facts about origin and processing for the store to record; anything JSON can hold.
        pads_persons: Whether the format always has room for the same number of persons: an empty one is padding then,
            and dropping it is not reported.
        passed_over: Why files of the input are not read, each reason with their paths.
        split_sizes: Clips of the splits of the complete set, as far as they are known.
    """

    layout: SkeletonLayout
    classes: Sequence[str]
    source: dict
    pads_persons: bool = False
    passed_over: Mapping[str, Sequence[str]] = MappingProxyType({})
    split_sizes: Mapping[str, int] = MappingProxyType({})

    @abstractmethod
    def __len__(self) -> int:
        """Number of sources."""

    @abstractmethod
    def read(self, index: int) -> Iterable[RawClip | ClipError]:
        """The clips of one source in a fixed order, with an error in the place of each unusable one.

        Raises:
            ClipError: If the source, or the rest of it, is unusable. The message names file and line.
        """

    @abstractmethod
    def splits(self, clips: Sequence[RawClip]) -> dict[str, Sequence[int]]:
        """Split name to the positions of its clips in ``clips``, which no longer hold coordinates."""

    def __iter__(self) -> Iterator[RawClip | ClipError]:
        for index in range(len(self)):
            yield from self.outcomes(index)

    def outcomes(self, index: int) -> list[RawClip | ClipError]:
        """What :meth:`read` gives and raises."""
        outcomes: list[RawClip | ClipError] = []
        try:
            for outcome in self.read(index):
                outcomes.append(outcome)
        except ClipError as error:
            outcomes.append(error)
        return outcomes


def positions(clips: Sequence[RawClip], attribute: str, values: Collection) -> list[int]:
    """Where the clips are whose attribute has one of the values."""
    return [i for i, clip in enumerate(clips) if clip.attributes[attribute] in values]
