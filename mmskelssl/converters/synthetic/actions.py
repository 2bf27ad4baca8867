"""The classes of the synthetic set, as data: which joints move, between which angles, and how they are timed.

Classes come in groups that share their poses and differ in the motion: a movement and its reversal in time, limbs in
step and in turn, the same arm about another axis. The table describes right-handed performers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from mmskelssl.converters.synthetic.body import DOFS, JOINTS


@dataclass(frozen=True)
class Motion:
    """One degree of freedom over time: a raised cosine between two values.

    Args:
        joint: Name of a joint, or ``body`` for the place of the whole body.
        dof: ``flexion``, ``twist`` or ``abduction`` of a joint in degrees, or ``forward`` or ``up`` of the body in
            metres.
        low: Value at phase 0.
        high: Value at phase ``rise``.
        shift: Added to the phase; 0.5 is the opposite of the cycle.
        rate: Cycles per cycle of the action.
        rise: Part of the cycle that leads from ``low`` to ``high``; the way back takes the rest.
        once: Whether the value goes from ``low`` to ``high`` once in the clip instead of there and back in each cycle.
    """

    joint: str
    dof: str
    low: float
    high: float
    shift: float = 0.0
    rate: float = 1.0
    rise: float = 0.5
    once: bool = False

    def values(self, cycle: np.ndarray, progress: np.ndarray, vigour: float = 1.0) -> np.ndarray:
        """(T,) the degree of freedom over a clip.

        ``cycle`` (T,) is the phase of the action, ``progress`` (T,) goes from 0 to 1 over what happens once, and
        ``vigour`` scales the range about its middle.
        """
        phase = progress / 2 if self.once else cycle * self.rate + self.shift
        middle, swing = (self.low + self.high) / 2, (self.high - self.low) * vigour
        return middle + swing * (raised_cosine(phase, 0.5 if self.once else self.rise) - 0.5)

    def reversed(self) -> Motion:
        """The motion that has these values backwards in time."""
        if self.once:
            return replace(self, low=self.high, high=self.low)
        return replace(self, shift=-self.shift, rise=1 - self.rise)


Motions = tuple[Motion, ...]


@dataclass(frozen=True)
class Action:
    """A class.

    Args:
        name: Readable name.
        persons: The motions of each person.
        gap: Range of the distance, in metres, at which two persons face each other.
    """

    name: str
    persons: tuple[Motions, ...]
    gap: tuple[float, float] = (0.0, 0.0)


def raised_cosine(phase: np.ndarray, rise: float) -> np.ndarray:
    """0 at whole phases, 1 at ``rise`` past them, smooth; of period 1."""
    phase = phase % 1
    warped = np.where(phase < rise, phase / rise, 1 + (phase - rise) / (1 - rise))
    return (1 - np.cos(np.pi * warped)) / 2


def joint_angles(motions: Iterable[Motion], *timing) -> np.ndarray:
    """(T, V, 3) degrees that motions give to the joints; ``timing`` as in :meth:`Motion.values`."""
    angles = np.zeros((len(timing[0]), len(JOINTS), 3))
    for motion in motions:
        if motion.joint != 'body':
            angles[:, JOINTS[motion.joint], DOFS[motion.dof]] += motion.values(*timing)
    return angles


def travel(motions: Iterable[Motion], *timing) -> np.ndarray:
    """(T, 3) way of the body in its own frame, in metres; what would be below the floor stays on it."""
    way = np.zeros((len(timing[0]), 3))
    for motion in motions:
        if motion.joint == 'body':
            way[:, {'up': 1, 'forward': 2}[motion.dof]] += motion.values(*timing)
    way[:, 1] = np.maximum(way[:, 1], 0)
    return way


def _hold(joint: str, **degrees: float) -> Motions:
    return tuple(Motion(joint, dof, value, value) for dof, value in degrees.items())


def _together(motions: Iterable[Motion]) -> Motions:
    """Motions of right limbs, for both sides at once."""
    return tuple(
        replace(motion, joint=motion.joint.replace('right', side)) for side in ('right', 'left') for motion in motions
    )


def _in_turn(motions: Iterable[Motion]) -> Motions:
    """Motions of right limbs, with the left ones half a cycle behind."""
    return tuple(
        replace(motion, joint=motion.joint.replace('right', side), shift=motion.shift + shift)
        for side, shift in (('right', 0), ('left', 0.5))
        for motion in motions
    )


def _reversed(motions: Iterable[Motion]) -> Motions:
    return tuple(motion.reversed() for motion in motions)


_SHOULDER, _ELBOW, _HIP, _KNEE = 'right shoulder', 'right elbow', 'right hip', 'right knee'

_WAVE = (*_hold(_SHOULDER, abduction=75, twist=85), Motion(_ELBOW, 'flexion', 55, 125))
_BECKON = (*_hold(_SHOULDER, abduction=75), *_hold(_ELBOW, flexion=90), Motion(_SHOULDER, 'twist', 50, 120))
_CIRCLE = (Motion(_SHOULDER, 'flexion', 15, 75), Motion(_ELBOW, 'flexion', 30, 110, shift=0.25))
_PUNCH = (Motion(_SHOULDER, 'flexion', 15, 75, rise=0.2), Motion(_ELBOW, 'flexion', 110, 30, rise=0.2))
_FOREARMS = _hold(_SHOULDER, flexion=25)
_CLAP = (*_FOREARMS, *_hold(_ELBOW, flexion=85), Motion(_SHOULDER, 'twist', -30, 25))
_DRUM = (*_FOREARMS, *_hold(_SHOULDER, twist=-5), Motion(_ELBOW, 'flexion', 60, 110))
_SWING = (*_hold(_ELBOW, flexion=20), Motion(_SHOULDER, 'flexion', -30, 45))
_KICK = (Motion(_HIP, 'flexion', -15, 60, rise=0.3), Motion(_KNEE, 'flexion', 70, 5, rise=0.3))
_STEP = (Motion(_HIP, 'flexion', 0, 50), Motion(_KNEE, 'flexion', 5, 75))
_STRIDE = (Motion(_HIP, 'flexion', -20, 30), Motion(_KNEE, 'flexion', 5, 50, shift=0.2))
_CROUCH = (Motion(_HIP, 'flexion', 5, 70), Motion(_KNEE, 'flexion', 5, 95), Motion('right ankle', 'flexion', 0, 25))
_STOOP = (Motion('mid spine', 'flexion', 0, 22),)
_SIT = (Motion(_HIP, 'flexion', 0, 85, once=True), Motion(_KNEE, 'flexion', 0, 88, once=True))
_SIT_BACK = (Motion('body', 'forward', 0, -0.35, once=True), Motion('mid spine', 'flexion', 2, 12, once=True))
_SHAKE = (Motion(_SHOULDER, 'flexion', 30, 50), Motion(_ELBOW, 'flexion', 30, 60))
_SHOVE = (Motion(_SHOULDER, 'flexion', 35, 75, rise=0.25), Motion(_ELBOW, 'flexion', 105, 20, rise=0.25))
_RECOIL = (
    Motion('mid spine', 'flexion', 5, -18, shift=-0.1, rise=0.25),
    Motion('body', 'forward', 0, -0.25, shift=-0.1, rise=0.25),
)
_APPROACH = (*_in_turn(_STRIDE), Motion('body', 'forward', 0, 0.6, once=True))

ACTIONS: tuple[Action, ...] = (
    Action('wave', (_WAVE,)),
    Action('beckon', (_BECKON,)),
    Action('circle a hand forwards', (_CIRCLE,)),
    Action('circle a hand backwards', (_reversed(_CIRCLE),)),
    Action('punch', (_PUNCH,)),
    Action('pull', (_reversed(_PUNCH),)),
    Action('clap', (_together(_CLAP),)),
    Action('drum', (_in_turn(_DRUM),)),
    Action('swing arms in turn', (_in_turn(_SWING),)),
    Action(
        'swing arms, one twice as fast',
        (_together(_SWING[:-1]) + (replace(_SWING[-1], rate=2), replace(_SWING[-1], joint='left shoulder')),),
    ),  # fmt: skip
    Action('kick', (_KICK,)),
    Action('walk in place', (_in_turn(_STEP),)),
    Action('squat', (_together(_CROUCH) + _STOOP,)),
    Action('jump', (_together(_CROUCH) + _STOOP + (Motion('body', 'up', -0.25, 0.3, shift=0.5),),)),
    Action('sit down', (_together(_SIT) + _SIT_BACK,)),
    Action('stand up', (_reversed(_together(_SIT) + _SIT_BACK),)),
    Action('shake hands', (_SHAKE, _SHAKE), gap=(0.8, 1.1)),
    Action('push', (_together(_SHOVE), _RECOIL), gap=(0.7, 1.1)),
    Action('walk towards each other', (_APPROACH, _APPROACH), gap=(1.7, 2.0)),
    Action('back away from each other', (_reversed(_APPROACH), _reversed(_APPROACH)), gap=(1.7, 2.0)),
)
