"""What makes clips of one class differ: idle movement of the body, and the errors of a depth sensor's tracker."""

from __future__ import annotations

import numpy as np

from mmskelssl.converters.synthetic.actions import Motion
from mmskelssl.converters.synthetic.body import DOFS, JOINTS, without_side

FRAME_RATE = 30

# (joint, degree of freedom) of a limb at rest, in degrees: mean, spread over clips, and drift within a clip.
_IDLE = {
    ('shoulder', 'flexion'): (8, 25, 9),
    ('shoulder', 'abduction'): (15, 14, 6),
    ('shoulder', 'twist'): (0, 30, 10),
    ('elbow', 'flexion'): (35, 35, 14),
    ('wrist', 'flexion'): (5, 12, 6),
    ('hip', 'flexion'): (4, 6, 3),
    ('hip', 'abduction'): (6, 4, 1.5),
    ('knee', 'flexion'): (7, 5, 3),
    ('mid spine', 'flexion'): (4, 6, 3),
    ('mid spine', 'twist'): (0, 7, 5),
    ('mid spine', 'abduction'): (0, 4, 2.5),
    ('neck', 'flexion'): (8, 10, 5),
    ('neck', 'twist'): (0, 18, 10),
}
# What an acting limb keeps of the spread and the drift.
_ACTING = 0.4


def _limb(joint: str) -> str:
    part = without_side(joint)
    if part == joint:
        return 'trunk'
    return joint.removesuffix(part) + ('leg' if part in ('hip', 'knee', 'ankle', 'foot') else 'arm')


_LIMBS = np.array([_limb(joint) for joint in JOINTS])
_IDLE_TABLE = np.array([[_IDLE.get((without_side(joint), dof), (0, 0, 0)) for dof in DOFS] for joint in JOINTS], float)

# Sines and cosines whose common period is longer than a clip, so that their random sums are stationary in it.
_PERIOD = 10 * FRAME_RATE
_TURNS = 2 * np.pi / _PERIOD * np.arange(_PERIOD)[:, None] * np.arange(1, 13)
_SINES = np.concatenate([np.sin(_TURNS), np.cos(_TURNS)], axis=1).reshape(_PERIOD, 2, -1)


def smooth_noise(rng: np.random.Generator, num_frames: int, shape: tuple[int, ...], fastest: float) -> np.ndarray:
    """(T, *shape) stationary Gaussian noise of variance 1, independent in all elements of a frame.

    T is at most 300, and there are no frequencies above ``fastest``, from 0.1 to 1.2 Hz.
    """
    num = round(fastest * _PERIOD / FRAME_RATE)
    basis = _SINES[:num_frames, :, :num].reshape(num_frames, -1)
    weights = rng.standard_normal((2 * num, *shape)) / np.sqrt(num)
    return (basis @ weights.reshape(2 * num, -1)).reshape(num_frames, *shape)


def idle_angles(rng: np.random.Generator, num_frames: int, motions: tuple[Motion, ...]) -> np.ndarray:
    """(T, V, 3) degrees of posture and idle movement, to be added to those of the action.

    Limbs without a part in the action hang in a random posture and move slowly, some more than others.
    """
    mean, spread, drift = np.moveaxis(_IDLE_TABLE, -1, 0)
    acting = np.isin(_LIMBS, [_limb(motion.joint) for motion in motions if motion.joint != 'body'])[:, None]
    share = np.where(acting, _ACTING, 1)
    restless = dict(zip(np.unique(_LIMBS), rng.gamma(2, 0.5, len(np.unique(_LIMBS))), strict=True))
    drift = drift * share * np.array([restless[limb] for limb in _LIMBS])[:, None]
    posture = np.where(acting, 0, mean) + spread * share * rng.standard_normal(spread.shape)
    return posture + drift * smooth_noise(rng, num_frames, spread.shape, fastest=0.5)


# Hands and feet are tracked worse than the trunk.
_TRACKING = np.array([1.0 if limb == 'trunk' else 1.5 for limb in _LIMBS])
_TRACKING[[v for joint, v in JOINTS.items() if without_side(joint) in ('hand', 'hand tip', 'thumb', 'foot')]] = 2.5


def tracked(rng: np.random.Generator, joints: np.ndarray) -> np.ndarray:
    """Joints (M, T, V, 3) in metres as a tracker sees them: trembling, drifting off, some jumping away for a moment."""
    persons, frames, num_joints, _ = joints.shape
    shape = (persons, num_joints, 3)
    trembling = rng.uniform(0.002, 0.006) * rng.standard_normal((persons, frames, num_joints, 3))
    drifting = rng.uniform(0.004, 0.012) * np.moveaxis(smooth_noise(rng, frames, shape, fastest=1.2), 1, 0)
    seen = joints + (trembling + drifting) * _TRACKING[:, None]
    for _ in range(rng.poisson(0.02 * frames * persons)):
        start, length = rng.integers(frames), rng.integers(2, 12)
        joint = rng.choice(num_joints, p=_TRACKING / _TRACKING.sum())
        seen[rng.integers(persons), start : start + length, joint] += rng.normal(0, 0.12, 3)
    return seen


def recorded_frames(rng: np.random.Generator, num_frames: int) -> tuple[np.ndarray, int]:
    """The (T,) moments, not decreasing, that a sensor records which drops and repeats frames; and their span."""
    num_dropped = rng.binomial(num_frames, rng.choice([0, 0.03, 0.1]))
    span = num_frames + num_dropped
    moments = np.sort(rng.choice(span, num_frames, replace=False))
    repeats = rng.random(num_frames) < rng.choice([0, 0.03])
    repeats[0] = False
    return moments[np.maximum.accumulate(np.where(repeats, 0, np.arange(num_frames)))], span


def without_lost_frames(rng: np.random.Generator, clip: np.ndarray) -> np.ndarray:
    """The clip (M, T, V, 3) with zeros, in some clips, where the last body was found late or lost early."""
    num_lost = rng.integers(1, max(2, clip.shape[1] // 6))
    found_late, lost_early = rng.multinomial(1, [0.15, 0.15, 0.7])[:2].astype(bool)
    moment = np.arange(clip.shape[1])
    lost = (found_late & (moment < num_lost)) | (lost_early & (moment >= len(moment) - num_lost))
    is_last = np.arange(len(clip)) == len(clip) - 1
    return np.where((is_last[:, None] & lost)[..., None, None], 0, clip)
