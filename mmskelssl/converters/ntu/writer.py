"""Writes raw ``.skeleton`` files, for tests and benchmarks; :mod:`skeleton_file` describes their form."""

from __future__ import annotations

import os

import numpy as np

from mmskelssl.datasets.layouts import NTU25
from mmskelssl.utils.files import written_beside

# Of the fields that no reader uses, what a file of the data set may hold. 9 digits hold a float32 exactly.
_JOINT_LINE = '%.9g %.9g %.9g 277.42 191.83 1036.21 519.12 -0.21 0.05 0.97 -0.08 2'
_BODY = '\n'.join(['%d 0 1 1 1 1 0 0.02 -0.11 2', str(NTU25.num_joints), *[_JOINT_LINE] * NTU25.num_joints, ''])


def write_skeleton_file(path: str | os.PathLike, clip: np.ndarray) -> None:
    """Writes a clip (M, T, 25, 3) in metres; a person is left out of the frames in which all its coordinates are zero.

    Coordinates survive as float32.
    """
    with written_beside(path) as beside, open(beside, 'w', encoding='ascii', newline='\n') as file:
        file.write(f'{clip.shape[1]}\n')
        for frame in range(clip.shape[1]):
            persons = np.flatnonzero(clip[:, frame].any(axis=(1, 2))).tolist()
            file.write(f'{len(persons)}\n')
            file.writelines(_BODY % (m, *clip[m, frame].ravel().tolist()) for m in persons)
