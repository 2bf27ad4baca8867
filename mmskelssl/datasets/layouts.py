"""Skeleton layouts: what a joint index means, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np


@dataclass(frozen=True)
class SkeletonLayout:
    """Joints of a skeleton and how they hang together.

    Joint indices are 0-based. Bones, graphs, flips, normalizations and plots are all derived from a layout.

    Args:
        name: Name by which configs and stores refer to the layout.
        joints: One name a joint; their number is V.
        parents: For every joint the joint that its bone starts from. The root is its own parent, so its bone is zero.
        center: Centre of the skeleton graph, from which the spatial partition of ST-GCN measures distances.
            CrosSCLR moves it to the origin.
        pairs: ``(left, right)`` joints that a mirror image exchanges.
        spine: ``(lower, upper)`` joints of the bone that points up; normalizations start from it.
        shoulders: ``(left, right)`` shoulder joints, the body's horizontal axis.

    Raises:
        ValueError: If a joint index is outside 0..V-1, lengths differ, a joint has two mirror images, or the parents
            hold a cycle.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    center: int
    pairs: tuple[tuple[int, int], ...]
    spine: tuple[int, int]
    shoulders: tuple[int, int]

    def __post_init__(self) -> None:
        # Layouts also come from JSON and configs, which know lists only.
        for field in ('joints', 'parents', 'spine', 'shoulders'):
            object.__setattr__(self, field, tuple(getattr(self, field)))
        object.__setattr__(self, 'pairs', tuple(tuple(pair) for pair in self.pairs))
        if len(self.parents) != self.num_joints:
            raise ValueError(
                f"Layout '{self.name}' names {self.num_joints} joints but {len(self.parents)} parents: "
                'give one parent for every joint (the root is its own).'
            )
        named = [*self.parents, self.center, *self.spine, *self.shoulders, *(v for pair in self.pairs for v in pair)]
        outside = [v for v in named if not 0 <= v < self.num_joints]
        if outside:
            raise ValueError(
                f"Layout '{self.name}' has {self.num_joints} joints but refers to {outside}: joint indices are 0-based."
            )
        paired = [v for pair in self.pairs for v in pair]
        twice = sorted({self.joints[v] for v in paired if paired.count(v) > 1})
        if twice:
            raise ValueError(f"Layout '{self.name}': {twice} belong to more than one left-right pair.")
        ancestors = np.arange(self.num_joints)
        for _ in range(self.num_joints):
            ancestors = np.asarray(self.parents)[ancestors]
        stuck = [self.joints[v] for v in range(self.num_joints) if self.parents[ancestors[v]] != ancestors[v]]
        if stuck:
            raise ValueError(f"Layout '{self.name}': {stuck} do not lead to a root (a joint that is its own parent).")

    @property
    def num_joints(self) -> int:
        return len(self.joints)

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """``(joint, parent)`` of every bone; the root has none."""
        return tuple((v, p) for v, p in enumerate(self.parents) if v != p)

    @property
    def mirror(self) -> tuple[int, ...]:
        """For every joint the joint that takes its place in a mirror image."""
        mirrored = list(range(self.num_joints))
        for left, right in self.pairs:
            mirrored[left], mirrored[right] = right, left
        return tuple(mirrored)

    def to_dict(self) -> dict:
        """The layout as plain data, accepted by :func:`get_layout`."""
        return asdict(self)


def _limbs(arm: list[str], leg: list[str]) -> list[str]:
    return [f'{side} {joint}' for limb in (arm, leg) for side in ('left', 'right') for joint in limb]


_ARM = ['shoulder', 'elbow', 'wrist', 'hand']
_LEG = ['hip', 'knee', 'ankle', 'foot']

NTU25 = SkeletonLayout(
    name='ntu25',
    joints=(
        *('base of spine', 'mid spine', 'neck', 'head'),
        *_limbs(_ARM, _LEG),
        *('spine at shoulders', 'left hand tip', 'left thumb', 'right hand tip', 'right thumb'),
    ),
    parents=(1, 20, 20, 2, 20, 4, 5, 6, 20, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18, 20, 22, 7, 24, 11),
    center=20,
    pairs=((4, 8), (5, 9), (6, 10), (7, 11), (12, 16), (13, 17), (14, 18), (15, 19), (21, 23), (22, 24)),
    spine=(0, 1),
    shoulders=(4, 8),
)

KINECT20 = SkeletonLayout(
    name='kinect20',
    joints=('hip centre', 'spine', 'shoulder centre', 'head', *_limbs(_ARM, _LEG)),
    parents=(1, 2, 2, 2, 2, 4, 5, 6, 2, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18),
    center=2,
    pairs=((4, 8), (5, 9), (6, 10), (7, 11), (12, 16), (13, 17), (14, 18), (15, 19)),
    spine=(0, 1),
    shoulders=(4, 8),
)

# The 17 keypoints of COCO have no spine: its place is taken by the left side of the trunk.
COCO17 = SkeletonLayout(
    name='coco17',
    joints=(
        *('nose', 'left eye', 'right eye', 'left ear', 'right ear', 'left shoulder', 'right shoulder'),
        *('left elbow', 'right elbow', 'left wrist', 'right wrist', 'left hip', 'right hip'),
        *('left knee', 'right knee', 'left ankle', 'right ankle'),
    ),
    parents=(0, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14),
    center=0,
    pairs=((1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16)),
    spine=(11, 5),
    shoulders=(5, 6),
)

LAYOUTS: dict[str, SkeletonLayout] = {layout.name: layout for layout in (NTU25, KINECT20, COCO17)}


def get_layout(layout: str | Mapping | SkeletonLayout) -> SkeletonLayout:
    """Turns what a config may hold into a layout.

    Args:
        layout: A known name, the fields of :class:`SkeletonLayout` (a user's own layout, written in the config), or a
            layout.

    Raises:
        KeyError: If the name is unknown.
        ValueError: If the fields do not make a layout.
    """
    if isinstance(layout, SkeletonLayout):
        return layout
    if isinstance(layout, str):
        if layout not in LAYOUTS:
            raise KeyError(
                f"Unknown skeleton layout '{layout}'. Known: {sorted(LAYOUTS)}; "
                'an own layout is given as a dict of the fields of SkeletonLayout.'
            )
        return LAYOUTS[layout]
    try:
        return SkeletonLayout(**layout)
    except TypeError as error:
        raise ValueError(
            f'Not a skeleton layout: {error}. Fields: {list(SkeletonLayout.__dataclass_fields__)}.'
        ) from error
