"""Which of the tracked bodies are the persons of a clip.

Kinect tracks up to six bodies, some of which are furniture. Here a body is known by its place among the bodies of its
frame, as in the official programs: when the first one is lost for some frames, the second takes its place there.
"""

from __future__ import annotations

import numpy as np

from mmskelssl.converters.ntu.denoised_bodies import denoised_bodies
from mmskelssl.converters.ntu.skeleton_file import Bodies


def most_energetic_bodies(bodies: Bodies, num_persons: int = 2, num_candidates: int = 4) -> np.ndarray:
    """Of the first bodies those that move and extend the most, the one with most energy first.

    The energy of a body is the sum over x, y and z of the standard deviation over its frames and joints: the selection
    of 2s-AGCN (Shi et al., CVPR 2019), ISC, CMD and MMCV.

    Args:
        bodies: B bodies of T frames.
        num_persons: At most this many are kept.
        num_candidates: How many of the bodies of each frame are looked at.

    Returns:
        (M, T, 25, 3) float32, zero where a person is not tracked; no person is absent from all frames.
    """
    clip = _by_slot(bodies, num_candidates)
    energy = np.array([_energy(person) for person in clip])
    return clip[np.argsort(-energy, kind='stable')[:num_persons]].astype(np.float32)


def first_bodies(bodies: Bodies, num_persons: int = 2) -> np.ndarray:
    """The first bodies in the order of the file, as CrosSCLR (Li et al., CVPR 2021) takes them. Returns the same."""
    return _by_slot(bodies, num_persons).astype(np.float32)


BODY_SELECTIONS = {'energy': most_energetic_bodies, 'first': first_bodies, 'ctr-gcn': denoised_bodies}


def _by_slot(bodies: Bodies, num_slots: int) -> np.ndarray:
    """(M, T, 25, 3) float64, the first bodies of every frame."""
    kept = bodies.slot < num_slots
    slots = bodies.slot[kept]
    clip = np.zeros((slots.max() + 1, bodies.num_frames, *bodies.joints.shape[1:]))
    clip[slots, bodies.frame[kept]] = bodies.joints[kept]
    return clip


def _energy(person: np.ndarray) -> float:
    """Of one person (T, 25, 3)."""
    tracked = person[person.reshape(len(person), -1).sum(axis=1) != 0]
    # NumPy is several times faster along the last axis.
    x_y_z = tracked.reshape(-1, 3).T.copy()
    return float(x_y_z.std(axis=1).sum()) if len(tracked) else 0.0
