"""What NTU RGB+D 60 and 120 are: names, actions, splits and sizes.

Shahroudy et al., NTU RGB+D: A Large Scale Dataset for 3D Human Activity Analysis, CVPR 2016; Liu et al., NTU RGB+D 120:
A Large-Scale Benchmark for 3D Human Activity Understanding, TPAMI 2020.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from mmskelssl.converters.base import RawClip
from mmskelssl.converters.ntu.actions import ACTIONS
from mmskelssl.utils.errors import ClipError

NTU60_TRAIN_PERFORMERS = frozenset((1, 2, 4, 5, 8, 9, *range(13, 20), 25, 27, 28, 31, 34, 35, 38))
NTU120_TRAIN_PERFORMERS = NTU60_TRAIN_PERFORMERS | frozenset(
    (45, 46, 47, 49, 50, *range(52, 60), 70, 74, 78, *range(80, 87), 89, *range(91, 96), 97, 98, 100, 103)
)
# The action is checked against the data set's own number of actions.
LAST = dict(setup=32, camera=3, performer=106)

_NAME = re.compile(
    r'S(?P<setup>\d{3})C(?P<camera>\d{3})P(?P<performer>\d{3})R(?P<replication>\d{3})A(?P<action>\d{3})', re.ASCII
)


@dataclass(frozen=True, eq=False)
class NTUDataset:
    """One of the two published sets; the second contains the first.

    Args:
        name: As people call it.
        num_setups: Setups from 1.
        num_actions: Actions from 1.
        training: Split to the attribute and its values that make a clip a training one.
        split_sizes: Clips of each side of the splits in the complete set, without those that have no skeleton.
    """

    name: str
    num_setups: int
    num_actions: int
    training: Mapping[str, tuple[str, frozenset[int]]]
    split_sizes: Mapping[str, int]

    @property
    def classes(self) -> list[str]:
        return list(ACTIONS[: self.num_actions])

    def splits(self, clips: Sequence[RawClip]) -> dict[str, list[int]]:
        """``SPLIT_train`` and ``SPLIT_test`` to positions in ``clips``, by their attributes."""
        return {
            f'{name}_{side}': [
                i for i, clip in enumerate(clips) if (clip.attributes[attribute] in values) == (side == 'train')
            ]
            for name, (attribute, values) in self.training.items()
            for side in ('train', 'test')
        }


NTU60 = NTUDataset(
    'NTU RGB+D 60',
    num_setups=17,
    num_actions=60,
    training=dict(xsub=('performer', NTU60_TRAIN_PERFORMERS), xview=('camera', frozenset((2, 3)))),
    split_sizes=dict(xsub_train=40091, xsub_test=16487, xview_train=37646, xview_test=18932),
)
NTU120 = NTUDataset(
    'NTU RGB+D 120',
    num_setups=32,
    num_actions=120,
    training=dict(xsub=('performer', NTU120_TRAIN_PERFORMERS), xset=('setup', frozenset(range(2, 33, 2)))),
    split_sizes=dict(xsub_train=63026, xsub_test=50919, xset_train=54468, xset_test=59477),
)
DATASETS = dict(ntu60=NTU60, ntu120=NTU120)


def clip_name(setup: int, camera: int, performer: int, replication: int, action: int) -> str:
    """``SsssCcccPpppRrrrAaaa``; all numbers count from 1."""
    return f'S{setup:03}C{camera:03}P{performer:03}R{replication:03}A{action:03}'


def parse_clip_name(name: str) -> dict[str, int]:
    """The five numbers of a name by the parameters of :func:`clip_name`.

    Raises:
        ClipError: If the name is not of that form, or names a setup, camera or performer that there is not.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise ClipError(f'the name {name!r} is not of the form SsssCcccPpppRrrrAaaa')
    numbers = {key: int(value) for key, value in match.groupdict().items()}
    for key, value in numbers.items():
        if not 1 <= value <= LAST.get(key, value):
            raise ClipError(f'{key} {value} of {name!r} is not in the range 1 to {LAST.get(key, 999)}')
    return numbers


@cache
def clips_without_skeleton() -> frozenset[str]:
    """The 535 published names (302 of them NTU RGB+D 60's) whose files hold no skeleton, or not the performer's."""
    text = (files(__package__) / 'clips_without_skeleton.txt').read_text(encoding='ascii')
    return frozenset(line for line in text.splitlines() if not line.startswith('#'))
