"""Where the joints of a clip lie on paper, and which of them are there at all."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.utils.errors import UserError

# For the axis that points up, the one that points right; the third one, right x up, points at the reader.
_RIGHT_OF = {'+y': '+x', '-y': '+x', '+z': '+x', '-z': '+x', '+x': '-y', '-x': '+y'}
UP_AXES = tuple(_RIGHT_OF)


def upright_clips(
    clips: Sequence[np.ndarray], titles: Sequence[str], layout: SkeletonLayout, up: str | None = None
) -> tuple[list[np.ndarray], list[str]]:
    """Checks clips that are to be drawn side by side, and finds where each has its up.

    Args:
        clips: (M, T, V, C) coordinates each, C 2 or 3.
        titles: One title a clip.
        layout: Layout of the V joints.
        up: The axis that points up in all of them, one of :data:`UP_AXES`; found for each clip where it is not given.

    Returns:
        The clips in float32, and the up axis of each.

    Raises:
        UserError: If a clip does not fit the layout, or titles and clips differ in number.
    """
    if not len(clips) or len(clips) != len(titles):
        raise UserError(f'{len(clips)} clips and {len(titles)} titles: one title for every clip is needed.')
    arrays = [np.asarray(clip, np.float32) for clip in clips]
    for array, title in zip(arrays, titles, strict=True):
        if array.ndim != 4 or array.size == 0 or array.shape[2] != layout.num_joints or array.shape[3] not in (2, 3):
            raise UserError(
                f"Clip '{title}' has shape {array.shape}: persons, frames, {layout.num_joints} joints of layout "
                f"'{layout.name}' and 2 or 3 coordinates (M, T, V, C) are needed."
            )
    detected = [up or detect_up(array, layout) for array in arrays]
    # A clip that does not tell (nobody in it) is drawn as its neighbours are.
    known = [axis for axis in detected if axis]
    fallback = known[-1] if known else '+y'
    return arrays, [axis or fallback for axis in detected]


def visible_joints(clip: np.ndarray, layout: SkeletonLayout) -> np.ndarray:
    """Tells joints from the zeros of absent persons, absent frames and corrupted joints.

    A centred clip has its origin joint at zero by right. It counts as visible where it is the only zero of its frame,
    belongs to the spine, and lies within a bone's length of a neighbour.

    Args:
        clip: (M, T, V, C) coordinates.
        layout: Layout of the V joints.

    Returns:
        (M, T, V) booleans.
    """
    nonzero = clip.any(axis=-1)
    visible = nonzero.copy()
    lone = (~nonzero).sum(axis=-1) == 1
    if not lone.any():
        return visible
    for joint in {*layout.spine, layout.center}:
        neighbours = [v if p == joint else p for v, p in layout.bones if joint in (v, p)]
        others = np.array([bone for bone in layout.bones if joint not in bone])
        if not neighbours or not len(others):
            continue
        reach = np.linalg.norm(clip[:, :, neighbours], axis=-1).min(axis=-1)
        lengths = np.linalg.norm(clip[:, :, others[:, 0]] - clip[:, :, others[:, 1]], axis=-1)
        visible[:, :, joint] |= lone & ~nonzero[:, :, joint] & (reach <= lengths.max(axis=-1))
    return visible


def detect_up(clip: np.ndarray, layout: SkeletonLayout) -> str | None:
    """The axis along which the upper body rises over the lower one: ``+y`` for cameras, ``+z`` once pre-normalized.

    Args:
        clip: (M, T, V, C) coordinates, absent joints zero.
        layout: Layout of the V joints.

    Returns:
        One of :data:`UP_AXES`, or None if no frame shows both halves of a body.
    """
    to_lower, to_upper = (_distances(layout, joint) for joint in layout.spine)
    visible = clip.any(axis=-1)
    lower = visible & (to_lower < to_upper)
    upper = visible & (to_upper < to_lower)
    both = lower.any(axis=-1) & upper.any(axis=-1)
    if not both.any():
        return None
    rise = (_mean(clip, upper) - _mean(clip, lower))[both].sum(axis=0)
    axis = int(np.abs(rise).argmax())
    return f'{"-" if rise[axis] < 0 else "+"}{"xyz"[axis]}'


def project(clip: np.ndarray, up: str, turn: float = 0.0) -> np.ndarray:
    """Looks at a clip from the front: x to the right, the up axis upwards, no perspective.

    Args:
        clip: (M, T, V, C) coordinates, C 2 or 3.
        up: One of :data:`UP_AXES`.
        turn: Degrees by which the bodies are turned about the up axis, counter-clockwise as seen from above.

    Returns:
        (M, T, V, 3): how far right, up, and towards the reader.

    Raises:
        UserError: If ``up`` is no axis.
    """
    if up not in UP_AXES:
        raise UserError(f"Up is '{up}', but has to be one of {UP_AXES}.")
    if clip.shape[-1] == 2:
        clip = np.concatenate([clip, np.zeros_like(clip[..., :1])], axis=-1)
    upwards, right = _unit(up), _unit(_RIGHT_OF[up])
    near = np.cross(right, upwards)
    angle = np.deg2rad(turn)
    turned_right = np.cos(angle) * right + np.sin(angle) * near
    turned_near = np.cos(angle) * near - np.sin(angle) * right
    return clip @ np.stack([turned_right, upwards, turned_near], axis=1)


def _unit(axis: str) -> np.ndarray:
    return np.eye(3)['xyz'.index(axis[1])] * (-1 if axis[0] == '-' else 1)


def _mean(clip: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return (clip * mask[..., None]).sum(axis=-2) / np.maximum(mask.sum(axis=-1), 1)[..., None]


def _distances(layout: SkeletonLayout, start: int) -> np.ndarray:
    """Bones between every joint and ``start``; infinite where none lead there."""
    distances = np.full(layout.num_joints, np.inf)
    reached: Collection[int] = {start}
    distance = 0
    while reached:
        distances[list(reached)] = distance
        distance += 1
        reached = {
            far
            for bone in layout.bones
            for near, far in (bone, bone[::-1])
            if near in reached and distances[far] == np.inf
        }
    return distances
