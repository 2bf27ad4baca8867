"""The skeletons of UTD-MHAD (Chen, Jafari and Kehtarnavaz, ICIP 2015), 20 joints of Kinect v1 in their own order.

The set is distributed as MATLAB files ``aA_sS_tT_skeleton.mat`` (action, subject, trial) of one array ``d_skel``
(20 x 3 x T, metres, one person).
"""

from __future__ import annotations

import io
import re

import numpy as np
from scipy.io import loadmat

from mmskelssl.converters.named_files import NamedFilesReader
from mmskelssl.datasets.layouts import UTD20
from mmskelssl.utils.errors import ClipError

# In the order of the actions' numbers, from 1.
ACTIONS = (
    *('swipe left', 'swipe right', 'wave', 'clap', 'throw', 'cross arms', 'shoot a basketball', 'draw X'),
    *('draw circle clockwise', 'draw circle counter-clockwise', 'draw triangle', 'bowl', 'box', 'swing a baseball bat'),
    *('tennis forehand swing', 'arm curl', 'tennis serve', 'push', 'knock', 'catch', 'pick up and throw', 'jog'),
    *('walk', 'sit to stand', 'stand to sit', 'lunge', 'squat'),
)
_KEY = 'd_skel'


class UTDMHADReader(NamedFilesReader):
    """Reads the set. The split is the authors': odd performers train, even ones test."""

    layout = UTD20
    classes = ACTIONS
    dataset = 'UTD-MHAD'
    form = 'aA_sS_tT_skeleton.mat'
    pattern = re.compile(r'a(?P<action>\d{1,2})_s(?P<performer>\d)_t(?P<trial>\d)_skeleton\.mat')
    suffix = ending = '_skeleton.mat'
    allowed = dict(action=range(1, len(ACTIONS) + 1), performer=range(1, 9))
    sides = dict(xsub_train=('performer', (1, 3, 5, 7)), xsub_test=('performer', (2, 4, 6, 8)))
    split_sizes = dict(xsub_train=431, xsub_test=430)

    def parse(self, data: bytes, label: int, origin: str) -> np.ndarray:
        # Reading a MATLAB file runs no code.
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
