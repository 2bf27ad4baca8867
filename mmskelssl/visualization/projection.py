"""Where the joints of a clip lie on paper, and which of them are there at all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmskelssl.datasets.layouts import UP_AXES, SkeletonLayout
from mmskelssl.utils.errors import UserError

# For the axis that points up, the one that points right; the third one, right x up, points at the reader.
_RIGHT_OF = {'+y': '+x', '-y': '+x', '+z': '+x', '-z': '+x', '+x': '-y', '-x': '+y'}


def upright_clips(
    clips: Sequence[np.ndarray], titles: Sequence[str], layout: SkeletonLayout, up: str | None = None
) -> tuple[list[np.ndarray], list[str]]:
    """Checks clips that are to be drawn side by side, and finds what is up in each.

    Args:
        clips: (M, T, V, C) coordinates each, C 2 or 3.
        titles: One title per clip.
        layout: Layout of the V joints.
        up: The axis that points up in all of them, one of ``UP_AXES``; found for each clip where it is not given.

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
    fallback = [layout.up, *(axis for axis in detected if axis)][-1]
    return arrays, [axis or fallback for axis in detected]


def visible_joints(clip: np.ndarray, layout: SkeletonLayout) -> np.ndarray:
    """(M, T, V) which joints of a clip (M, T, V, C) are there, and not zeros of absent persons, frames or joints.

    A centred clip has a joint at zero that is there: one that clips are centred on, the only zero of its frame, and no
    farther from its neighbours than half the size of the skeleton.
    """
    nonzero = clip.any(axis=-1)
    visible = np.array(nonzero)
    lone = (~nonzero).sum(axis=-1) == 1
    for joint in {*(layout.spine or ()), layout.center, layout.origin} if lone.any() else ():
        neighbours = [v if p == joint else p for v, p in layout.bones if joint in (v, p)]
        if not neighbours:
            continue
        away = np.linalg.norm(clip[:, :, neighbours], axis=-1).min(axis=-1)
        size = np.linalg.norm(np.ptp(np.delete(clip, joint, axis=2), axis=2), axis=-1)
        visible[:, :, joint] |= lone & (away <= size / 2)
    return visible


def detect_up(clip: np.ndarray, layout: SkeletonLayout) -> str | None:
    """Which of ``UP_AXES`` the upper body rises along over the lower one; the layout's ``up`` where it has no spine.

    Pre-normalized clips of bodies have ``+z`` up, whatever is up in the recording. None if no frame of the clip
    (M, T, V, C) shows both halves of a body.
    """
    if not layout.spine:
        return layout.up
    visible = clip.any(axis=-1)
    lower, upper = (visible & half for half in _halves(layout))
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
        up: One of ``UP_AXES``.
        turn: Degrees by which the bodies are turned about the up axis, counter-clockwise as seen from above.

    Returns:
        (M, T, V, 3): how far right, up, and towards the reader.

    Raises:
        UserError: If ``up`` is not an axis.
    """
    if up not in UP_AXES:
        raise UserError(f"up='{up}' is not one of {UP_AXES}.")
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


def _halves(layout: SkeletonLayout) -> tuple[np.ndarray, np.ndarray]:
    """Joints (V,) that fewer bones part from the lower end of the spine than from the upper one, and the others."""
    linked = np.eye(layout.num_joints)
    for v, p in layout.bones:
        linked[v, p] = linked[p, v] = 1
    distances = sum(np.linalg.matrix_power(linked, n) == 0 for n in range(layout.num_joints))
    to_lower, to_upper = (distances[joint] for joint in layout.spine)
    return to_lower < to_upper, to_upper < to_lower
