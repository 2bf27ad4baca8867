"""The skeletons of UTD-MHAD (Chen, Jafari and Kehtarnavaz, ICIP 2015), 20 joints of Kinect v1 in their own order.

The set is distributed as MATLAB files ``aA_sS_tT_skeleton.mat`` (action, subject, trial) of one array ``d_skel``
(20 x 3 x T, metres, one person).
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Sequence

import numpy as np
from scipy.io import loadmat

from mmskelssl.converters.base import RawClip, Reader
from mmskelssl.converters.raw_files import distinct, find_files
from mmskelssl.datasets.layouts import UTD20
from mmskelssl.utils.errors import ClipError, StoreError

# In the order of the actions' numbers, from 1.
ACTIONS = (
    *('swipe left', 'swipe right', 'wave', 'clap', 'throw', 'cross arms', 'shoot a basketball', 'draw X'),
    *('draw circle clockwise', 'draw circle counter-clockwise', 'draw triangle', 'bowl', 'box', 'swing a baseball bat'),
    *('tennis forehand swing', 'arm curl', 'tennis serve', 'push', 'knock', 'catch', 'pick up and throw', 'jog'),
    *('walk', 'sit to stand', 'stand to sit', 'lunge', 'squat'),
)
NUM_PERFORMERS = 8
EXPECTED_SPLITS = {'xsub_train': 431, 'xsub_test': 430}

_SUFFIX = '_skeleton.mat'
_NAME = re.compile(r'a(?P<action>\d{1,2})_s(?P<performer>\d)_t(?P<trial>\d)_skeleton')
_KEY = 'd_skel'
# The longest clips take 0.1 MiB.
_MAX_BYTES = 8 << 20


class UTDMHADReader(Reader):
    """Reads the set from its archive or its unpacked folder.

    The split is the authors': odd performers train, even ones test.

    Args:
        path: The zip or tar archive, or a folder that holds the files at any depth.

    Raises:
        StoreError: If the path does not exist, is not a whole archive, or holds no clip.
    """

    layout = UTD20
    classes = ACTIONS

    def __init__(self, path: str | os.PathLike) -> None:
        self.source = dict(dataset='UTD-MHAD', path=str(path))
        found = find_files([path], _SUFFIX)
        self.passed_over = found.passed_over
        self._files = sorted(distinct(found.files), key=lambda file: (file.stem, str(file)))
        if not self._files:
            raise StoreError(f'{path} holds no aA_sS_tT{_SUFFIX}: give the archive of the skeletons of UTD-MHAD, or '
                             f'its folder. {found}')  # fmt: skip

    def __len__(self) -> int:
        return len(self._files)

    def read(self, index: int) -> list[RawClip]:
        file = self._files[index]
        match = _NAME.fullmatch(file.stem)
        if match is None:
            raise ClipError(f'{file}: the name is not aA_sS_tT{_SUFFIX}')
        action, performer, trial = map(int, match.groups())
        if not (1 <= action <= len(ACTIONS) and 1 <= performer <= NUM_PERFORMERS):
            raise ClipError(f'{file}: there is no action {action} of subject {performer}: actions go from 1 to '
                            f'{len(ACTIONS)}, subjects from 1 to {NUM_PERFORMERS}')  # fmt: skip
        clip = _parse(file.read(_MAX_BYTES), str(file))
        return [
            RawClip(
                file.stem.removesuffix('_skeleton'),
                action - 1,
                clip,
                dict(performer=performer, trial=trial),
                str(file),
            )
        ]

    def splits(self, clips: Sequence[RawClip]) -> dict[str, list[int]]:
        sides = {'xsub_train': 1, 'xsub_test': 0}
        return {
            name: [i for i, clip in enumerate(clips) if clip.attributes['performer'] % 2 == odd]
            for name, odd in sides.items()
        }


def _parse(data: bytes, origin: str) -> np.ndarray:
    """The clip (1, T, 20, 3) of a MATLAB file. Reading such a file runs no code."""
    try:
        content = loadmat(io.BytesIO(data), variable_names=[_KEY])
    # A damaged file makes SciPy fail in many ways.
    except Exception as error:
        raise ClipError(f'{origin} is not a whole MATLAB file of version 5 to 7: {error}') from error
    if _KEY not in content:
        raise ClipError(f'{origin} has no array {_KEY}')
    frames = content[_KEY]
    if frames.ndim == 2:  # MATLAB drops the last axis of a single frame
        frames = frames[..., None]
    if frames.dtype.kind not in 'fiu' or frames.ndim != 3 or frames.shape[:2] != (UTD20.num_joints, 3):
        raise ClipError(f'{origin}: {_KEY} is {frames.dtype}{frames.shape}, not an array of numbers (20, 3, T)')
    with np.errstate(over='ignore'):
        return frames.transpose(2, 0, 1)[None].astype(np.float32)
