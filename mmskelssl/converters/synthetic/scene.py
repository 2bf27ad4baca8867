"""From an action to a clip: performers with their own bodies and styles, a room, and a camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmskelssl.converters.synthetic.actions import Action, Motion, joint_angles, travel
from mmskelssl.converters.synthetic.body import pose, random_offsets
from mmskelssl.converters.synthetic.noise import (
    FRAME_RATE,
    idle_angles,
    recorded_frames,
    smooth_noise,
    tracked,
    without_lost_frames,
)
from mmskelssl.datasets.layouts import NTU25

_NUM_FRAMES = (40, 200)


@dataclass(frozen=True)
class Performer:
    """What stays the same in all clips of a performer.

    Args:
        offsets: (V, 3) offsets of the joints from their parents, in metres.
        tempo: Cycles of an action per second.
        vigour: Scale of the range of motions.
    """

    offsets: np.ndarray
    tempo: float
    vigour: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> Performer:
        return cls(random_offsets(rng), tempo=rng.uniform(0.6, 1.0), vigour=rng.uniform(0.8, 1.15))


def record(rng: np.random.Generator, action: Action, cast: Sequence[Performer], camera_yaw: float) -> np.ndarray:
    """A clip of an action as a camera's tracker gives it: (M, T, V, 3) float32 in metres in the camera's coordinates.

    The cast is one performer for each of the action's persons; the camera stands ``camera_yaw`` degrees off the
    direction that they face.
    """
    shortest, longest = _NUM_FRAMES
    moments, span = recorded_frames(rng, shortest + int((longest + 1 - shortest) * rng.beta(1.2, 2)))
    scene = perform(rng, action, cast, span)[:, moments]
    clip = tracked(rng, seen_from(rng, scene, camera_yaw))
    if len(clip) > 1:
        clip = without_lost_frames(rng, clip[rng.permutation(len(clip))])
    return clip.astype(np.float32)


def perform(rng: np.random.Generator, action: Action, cast: Sequence[Performer], num_frames: int) -> np.ndarray:
    """An action in a room: (M, T, V, 3) joints in metres, y up, the floor at 0; one person faces +z, two each other."""
    seconds = num_frames / FRAME_RATE
    # Even a short clip shows more than a whole cycle.
    tempo = max(cast[0].tempo * rng.lognormal(0, 0.15), 1.4 / seconds)
    speed = np.exp(0.2 * smooth_noise(rng, num_frames, (), fastest=0.5))
    cycle = rng.random() + np.cumsum(tempo * speed) / FRAME_RATE
    onset, duration = rng.uniform(0, 0.2), rng.uniform(0.5, 0.8)
    progress = np.clip((np.arange(num_frames) / num_frames - onset) / duration, 0, 1)
    gap = rng.uniform(*action.gap)
    places = (0,) if len(action.persons) == 1 else (-gap / 2, gap / 2)
    bodies = [move(rng, motions, who, cycle, progress) for motions, who in zip(action.persons, cast, strict=True)]
    scene = np.stack([placed(rng, joints, place) for joints, place in zip(bodies, places, strict=True)])
    return mirrored(scene) if rng.random() < 0.5 else scene


def move(
    rng: np.random.Generator, motions: tuple[Motion, ...], performer: Performer, cycle: np.ndarray, progress: np.ndarray
) -> np.ndarray:
    """(T, V, 3) joints of one performer, in metres in the body's own frame."""
    timing = cycle, progress, performer.vigour * rng.lognormal(0, 0.12)
    angles = joint_angles(motions, *timing) + idle_angles(rng, len(cycle), motions)
    return pose(angles, performer.offsets) + travel(motions, *timing)[:, None]


def placed(rng: np.random.Generator, joints: np.ndarray, place: float) -> np.ndarray:
    """A swaying body at ``place`` metres to the left of the middle, turned to the middle (forward if it is there)."""
    yaw = -np.sign(place) * 90 + rng.normal(0, 8) + 4 * smooth_noise(rng, len(joints), (), fastest=0.4)
    sway = 0.03 * smooth_noise(rng, len(joints), (1, 3), fastest=0.4) * (1, 0, 1)
    return turned(joints, yaw[:, None]) + sway + (place, 0, 0)


def seen_from(rng: np.random.Generator, scene: np.ndarray, camera_yaw: float) -> np.ndarray:
    """The scene in the coordinates of a camera 2.7 to 3.3 m away, at (0, 0, 0) and looking along +z."""
    # Performers face the camera, which looks at them: half a turn.
    scene = turned(scene, 180 + camera_yaw + rng.uniform(-25, 25))
    height, tilt = rng.uniform(0.8, 1.3), np.deg2rad(rng.normal(0, 3))
    scene = scene + (rng.uniform(-0.5, 0.5), -height, rng.uniform(2.7, 3.3))
    x, y, z = np.moveaxis(scene, -1, 0)
    return np.stack([x, np.cos(tilt) * y - np.sin(tilt) * z, np.sin(tilt) * y + np.cos(tilt) * z], -1)


def turned(joints: np.ndarray, degrees: np.ndarray | float) -> np.ndarray:
    """(..., 3) joints turned about the vertical; positive angles lead from z to x."""
    sine, cosine = np.sin(np.deg2rad(degrees)), np.cos(np.deg2rad(degrees))
    x, y, z = np.moveaxis(joints, -1, 0)
    return np.stack([cosine * x + sine * z, y, cosine * z - sine * x], -1)


def mirrored(joints: np.ndarray) -> np.ndarray:
    """(..., V, 3) joints in a mirror: the left-handed performance of the same."""
    return joints[..., NTU25.mirror, :] * (-1, 1, 1)
