"""An articulated body with the 25 joints of Kinect v2, moved by forward kinematics.

The body's own frame has x to its left, y up and z forward, the origin on the floor under the base of the spine at rest.
"""

from __future__ import annotations

import numpy as np

from mmskelssl.datasets.layouts import NTU25

JOINTS = {name: index for index, name in enumerate(NTU25.joints)}
DOFS = {'flexion': 0, 'twist': 1, 'abduction': 2}

# Joints of a standing body with hanging arms, in parts of its stature; right-hand joints mirror the left ones.
_CENTRE = {
    'base of spine': (0, 0.53, 0),
    'mid spine': (0, 0.71, 0),
    'spine at shoulders': (0, 0.83, 0),
    'neck': (0, 0.87, 0.01),
    'head': (0, 0.95, 0.02),
}
_LEFT = {
    'shoulder': (0.105, 0.81, 0),
    'elbow': (0.115, 0.65, 0),
    'wrist': (0.12, 0.51, 0),
    'hand': (0.12, 0.465, 0),
    'hand tip': (0.12, 0.42, 0),
    'thumb': (0.11, 0.45, 0.025),
    'hip': (0.05, 0.50, 0),
    'knee': (0.055, 0.265, 0),
    'ankle': (0.055, 0.035, 0),
    'foot': (0.06, 0, 0.075),
}
# The size of these parts varies between bodies independently of each other.
_PARTS = {
    'torso': ('mid spine', 'spine at shoulders', 'neck', 'head'),
    'width': ('shoulder', 'hip'),
    'arm': ('elbow', 'wrist', 'hand', 'hand tip', 'thumb'),
    'leg': ('knee', 'ankle', 'foot'),
}


def without_side(joint: str) -> str:
    """``left knee`` -> ``knee``."""
    return joint.removeprefix('left ').removeprefix('right ')


def _levels(parents: tuple[int, ...]) -> list[np.ndarray]:
    """Joints by their distance from the root (which is left out), so that a level needs only the one before it."""
    levels, known = [], {v for v, parent in enumerate(parents) if v == parent}
    while len(known) < len(parents):
        levels.append([v for v, parent in enumerate(parents) if parent in known and v not in known])
        known.update(levels[-1])
    return [np.array(level) for level in levels]


def _rest_joint(joint: str) -> np.ndarray:
    if joint in _CENTRE:
        return np.array(_CENTRE[joint])
    return np.array(_LEFT[without_side(joint)]) * ((-1, 1, 1) if joint.startswith('right') else 1)


# A layout's tree hangs from the graph's centre; a body stands on its legs and hangs from the pelvis.
ROOT = JOINTS['base of spine']
PARENTS = np.array(NTU25.parents)
PARENTS[[ROOT, 1, 20]] = ROOT, ROOT, 1
_LEVELS = _levels(tuple(PARENTS))
_REST = np.stack([_rest_joint(joint) for joint in NTU25.joints])
_REST_OFFSETS = _REST - _REST[PARENTS]
_MOVING = np.unique(PARENTS)
_SOLES = [JOINTS[f'{side} {joint}'] for side in ('left', 'right') for joint in ('ankle', 'foot')]


def _dof_signs() -> np.ndarray:
    """(V, 3) signs that turn anatomical angles into rotations about x, y and z.

    Flexion lifts what hangs forward (arms, thighs), bends what stands forward (spine, neck) and folds the knee back;
    abduction leads away from the body, twist outward; on the spine both are positive towards the left.
    """
    signs = np.ones((NTU25.num_joints, 3))
    for joint, v in JOINTS.items():
        if joint.startswith('right'):
            signs[v] = (1, -1, -1)
        hangs = joint not in _CENTRE and without_side(joint) != 'knee'
        signs[v, 0] = -1 if hangs else 1
        if joint in _CENTRE:
            signs[v, 2] = -1
    return signs


_SIGNS = _dof_signs()
_HINGES = np.array(
    [[without_side(joint) in ('elbow', 'knee') and dof == 'flexion' for dof in DOFS] for joint in JOINTS]
)


def random_offsets(rng: np.random.Generator) -> np.ndarray:
    """(V, 3) offsets from parents, in metres, of a random body: 1.5 to 1.95 m tall, of its own proportions."""
    scales = {joint: scale for part in _PARTS.values() for scale in [rng.uniform(0.88, 1.12)] for joint in part}
    factors = [scales.get(without_side(joint), 1.0) for joint in NTU25.joints]
    return _REST_OFFSETS * rng.uniform(1.5, 1.95) * np.array(factors)[:, None]


def pose(degrees: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """(T, V, 3) joints in metres of a body whose lowest sole stands on the floor, at height 0 in every frame.

    ``degrees`` (T, V, 3) are the angles of the joints by :data:`DOFS`, ``offsets`` (V, 3) those from parents in metres.
    """
    # Elbows and knees do not bend backwards.
    degrees = np.where(_HINGES, np.abs(degrees), degrees)
    joints = forward_kinematics(np.deg2rad(degrees) * _SIGNS, offsets)
    joints[..., 1] -= joints[:, _SOLES, 1].min(axis=1, keepdims=True)
    return joints


def forward_kinematics(angles: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """(T, V, 3) positions of the joints of a body whose root is at the origin, in the unit of ``offsets``.

    ``angles`` (T, V, 3) are rotations about x, y and z in radians, relative to the parent's frame, ``offsets`` (V, 3)
    those from parents.
    """
    rotations = np.empty((*angles.shape, 3))
    rotations[:, _MOVING] = rotation_matrices(angles[:, _MOVING])
    positions = np.zeros(angles.shape)
    for level in _LEVELS:
        parents = PARENTS[level]
        positions[:, level] = positions[:, parents] + (rotations[:, parents] @ offsets[level, :, None])[..., 0]
        level = level[np.isin(level, _MOVING)]
        rotations[:, level] = rotations[:, PARENTS[level]] @ rotations[:, level]
    return positions


def rotation_matrices(angles: np.ndarray) -> np.ndarray:
    """(..., 3) angles in radians to the (..., 3, 3) rotations Rx Rz Ry: twist first, flexion last."""
    (sx, sy, sz), (cx, cy, cz) = (np.moveaxis(f(angles), -1, 0) for f in (np.sin, np.cos))
    rows = (cz * cy, -sz, cz * sy), (sz * cy, cz, sz * sy)
    matrix = (
        rows[0],
        (cx * rows[1][0] + sx * sy, cx * rows[1][1], cx * rows[1][2] - sx * cy),
        (sx * rows[1][0] - cx * sy, sx * rows[1][1], sx * rows[1][2] + cx * cy),
    )
    return np.stack([np.stack(row, -1) for row in matrix], -2)
