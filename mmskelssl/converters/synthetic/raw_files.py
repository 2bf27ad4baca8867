"""The synthetic set as the raw files of other sets, for trying their converters."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from mmskelssl.converters.base import RawClip
from mmskelssl.converters.ntu import NTU60_TRAIN_PERFORMERS, write_skeleton_file
from mmskelssl.converters.pku_mmd import write_pku_tree
from mmskelssl.converters.synthetic.reader import SyntheticReader
from mmskelssl.utils.progress import track


def write_ntu(reader: SyntheticReader, folder: Path) -> None:
    """Every clip as ``NAME.skeleton``."""
    for raw in track(_clips(reader), len(reader), 'Writing .skeleton files'):
        write_skeleton_file(folder / f'{raw.name}.skeleton', raw.clip)


def write_pku(reader: SyntheticReader, folder: Path) -> None:
    """PKU-MMD II's files; up to ten clips of a performer before a camera are one recording."""
    recordings: dict[str, list[RawClip]] = defaultdict(list)
    taken: Counter = Counter()
    for raw in track(_clips(reader), len(reader), 'Making recordings'):
        performer, camera = raw.attributes['performer'], raw.attributes['camera']
        number = 1 + taken[performer, camera] // 10
        taken[performer, camera] += 1
        recordings[f'A{number:02}N{performer:02}-{"MLR"[camera - 1]}'].append(raw)
    write_pku_tree(
        folder,
        recordings,
        {
            'cross_subject_v2.txt': {name for name in recordings if int(name[4:6]) in NTU60_TRAIN_PERFORMERS},
            'cross_view_v2.txt': {name for name in recordings if not name.endswith('M')},
        },
    )


def _clips(reader: SyntheticReader) -> Iterator[RawClip]:
    """All clips: none of them is unusable."""
    return (raw for index in range(len(reader)) for raw in reader.read(index))
