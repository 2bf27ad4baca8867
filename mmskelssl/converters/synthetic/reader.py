"""A synthetic data set of NTU RGB+D's form, made in seconds: people of many kinds before three cameras.

A labelled substitute for tutorials, tests and comparisons on machines without real data. Its classes differ in how
joints move, not in where they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmskelssl.converters.base import RawClip, Reader
from mmskelssl.converters.ntu import NTU60, NTU60_TRAIN_PERFORMERS, clip_name
from mmskelssl.converters.synthetic.actions import ACTIONS
from mmskelssl.converters.synthetic.scene import Performer, record
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.utils.errors import StoreError

# As in NTU RGB+D: 40 performers, half of them training, and camera 1 for the test of the cross-view split.
_NUM_PERFORMERS = 40
_TEST_PERFORMERS = [p for p in range(1, _NUM_PERFORMERS + 1) if p not in NTU60_TRAIN_PERFORMERS]
# Training and test performers take turns, so that any run of them is balanced.
_PERFORMERS = [p for pair in zip(sorted(NTU60_TRAIN_PERFORMERS), _TEST_PERFORMERS, strict=True) for p in pair]
_CAMERA_YAWS = {1: 0, 2: -45, 3: 45}
# Names have three digits for the replication.
_MAX_CLIPS = 2_000_000
# Independent streams of random numbers.
_PERFORMER_STREAM, _CLIP_STREAM = 0, 1


class SyntheticReader(Reader):
    """Generates the set clip by clip.

    Clip i is a function of the seed and of i alone: a larger set begins with the clips of a smaller one. Classes are
    balanced, and so are performers and cameras within each. The splits are those of NTU RGB+D 60: ``xsub`` by the
    same performers' numbers, ``xview`` by camera. Each person's coordinates are zero where the tracker had lost them.

    Args:
        num_clips: At least one for each of the classes.
        seed: Any non-negative integer.

    Raises:
        StoreError: If ``num_clips`` or ``seed`` is out of range.
    """

    layout = NTU25
    classes = [action.name for action in ACTIONS]

    def __init__(self, num_clips: int = 2000, seed: int = 0) -> None:
        if not len(ACTIONS) <= num_clips <= _MAX_CLIPS:
            raise StoreError(
                f'A synthetic set of {num_clips} clips is impossible: it has {len(ACTIONS)} classes, so choose from '
                f'{len(ACTIONS)} to {_MAX_CLIPS} clips.'
            )
        if seed < 0:
            raise StoreError(f'The seed {seed} is negative: choose 0 or more.')
        self.num_clips = num_clips
        self.seed = seed
        self.source = dict(dataset='synthetic', num_clips=num_clips, seed=seed)
        self._performers = {p: Performer.random(self._rng(_PERFORMER_STREAM, p)) for p in _PERFORMERS}

    def _rng(self, *key: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))

    def __len__(self) -> int:
        return self.num_clips

    def read(self, index: int) -> list[RawClip]:
        turn, label = divmod(index, len(ACTIONS))
        action = ACTIONS[label]
        # 3 and 40 share no factor, so each class meets all 120 pairs of camera and performer before one returns.
        turn += label
        camera = 1 + turn % len(_CAMERA_YAWS)
        place = turn % _NUM_PERFORMERS
        replication = 1 + turn // (len(_CAMERA_YAWS) * _NUM_PERFORMERS)
        rng = self._rng(_CLIP_STREAM, index)
        # The partner stands on the same side of the cross-subject split.
        partner = (place + 2 * rng.integers(1, _NUM_PERFORMERS // 2)) % _NUM_PERFORMERS
        performers = [_PERFORMERS[p] for p in (place, partner)][: len(action.persons)]
        performer = performers[0]
        raw = RawClip(
            name=clip_name(setup=1, camera=camera, performer=performer, replication=replication, action=label + 1),
            label=label,
            clip=record(rng, action, [self._performers[p] for p in performers], _CAMERA_YAWS[camera]),
            attributes=dict(performer=performer, camera=camera),
        )
        return [raw]

    def splits(self, clips: Sequence[RawClip]) -> dict[str, list[int]]:
        return NTU60.splits(clips)
