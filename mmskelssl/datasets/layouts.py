"""Skeleton layouts: what a joint index means, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np

from mmskelssl.utils.errors import ConfigError

UP_AXES = ('+y', '-y', '+z', '-z', '+x', '-x')


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
        spine: ``(lower, upper)`` joints of the bone that points up; None where there is no trunk (a hand).
        shoulders: ``(left, right)`` shoulder joints, the body's horizontal axis; None where there are none.
        up: Axis that points up before any normalization, such as ``+y``.
        groups: Name of a part (``trunk``, ``left arm`` …; of a hand the fingers) to its joints.

    Raises:
        ConfigError: If a joint index is outside 0..V-1, lengths differ, two joints have one name or one mirror image,
            the spine or shoulders join a joint to itself, the parents hold a cycle, or ``up`` is not an axis.

    Examples:
        >>> layout = get_layout('kinect20')
        >>> layout.joints[layout.center], layout.bones[:2]
        ('shoulder centre', ((0, 1), (1, 2)))
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    center: int
    pairs: tuple[tuple[int, int], ...] = ()
    spine: tuple[int, int] | None = None
    shoulders: tuple[int, int] | None = None
    # Two layouts are the same skeleton whatever is told of it beside.
    up: str = field(default='+y', compare=False)
    groups: Mapping[str, tuple[int, ...]] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        # Layouts also come from JSON and configs, which know lists only.
        for name in ('joints', 'parents', 'spine', 'shoulders'):
            value = getattr(self, name)
            object.__setattr__(self, name, value if value is None else tuple(value))
        object.__setattr__(self, 'pairs', tuple(map(tuple, self.pairs)))
        object.__setattr__(self, 'groups', {name: tuple(joints) for name, joints in self.groups.items()})
        if len(self.parents) != self.num_joints:
            raise ConfigError(
                f"Layout '{self.name}' names {self.num_joints} joints but {len(self.parents)} parents: "
                'give one parent for every joint (the root is its own).'
            )
        same = sorted({name for name in self.joints if self.joints.count(name) > 1})
        if same:
            raise ConfigError(f"Layout '{self.name}' has several joints named {same}: give each a name of its own.")
        if self.up not in UP_AXES:
            raise ConfigError(f"Layout '{self.name}': up='{self.up}' is not one of {UP_AXES}.")
        lists = (
            self.parents,
            [self.center],
            self.spine or (),
            self.shoulders or (),
            *self.pairs,
            *self.groups.values(),
        )
        outside = [v for joints in lists for v in joints if not 0 <= v < self.num_joints]
        if outside:
            raise ConfigError(
                f"Layout '{self.name}' has {self.num_joints} joints but refers to {outside}: joint indices are 0-based."
            )
        for part in ('spine', 'shoulders'):
            if len(set(getattr(self, part) or (0, 1))) != 2:
                raise ConfigError(
                    f"Layout '{self.name}': {part}={getattr(self, part)} is not two joints: leave it out where the "
                    'skeleton has none.'
                )
        paired = [v for pair in self.pairs for v in pair]
        twice = sorted({self.joints[v] for v in paired if paired.count(v) > 1})
        if twice:
            raise ConfigError(f"Layout '{self.name}': {twice} belong to more than one left-right pair.")
        ancestors = np.arange(self.num_joints)
        for _ in range(self.num_joints):
            ancestors = np.asarray(self.parents)[ancestors]
        stuck = [self.joints[v] for v in range(self.num_joints) if self.parents[ancestors[v]] != ancestors[v]]
        if stuck:
            raise ConfigError(f"Layout '{self.name}': {stuck} do not lead to a root (a joint that is its own parent).")

    @property
    def num_joints(self) -> int:
        return len(self.joints)

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """``(joint, parent)`` of every bone; the root has none."""
        return tuple((v, p) for v, p in enumerate(self.parents) if v != p)

    @property
    def origin(self) -> int:
        """The joint that clips are moved by: the lower spine, or the root where there is no trunk."""
        return self.spine[0] if self.spine else next(v for v, p in enumerate(self.parents) if v == p)

    @property
    def mirror(self) -> tuple[int, ...]:
        """For every joint the joint that takes its place in a mirror image."""
        mirrored = list(range(self.num_joints))
        for left, right in self.pairs:
            mirrored[left], mirrored[right] = right, left
        return tuple(mirrored)

    def require(self, part: str, who: str) -> tuple[int, int]:
        """The joints of ``spine`` or ``shoulders``, for what cannot do without them.

        Raises:
            ConfigError: If the layout has none; the message names ``who``.
        """
        joints = getattr(self, part)
        if joints is None:
            raise ConfigError(
                f"{who} needs `{part}` of the layout, and layout '{self.name}' has none: leave {who} out."
            )
        return joints

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
    groups={
        'trunk': (0, 1, 2, 3, 20),
        'left arm': (4, 5, 6, 7, 21, 22),
        'right arm': (8, 9, 10, 11, 23, 24),
        'left leg': (12, 13, 14, 15),
        'right leg': (16, 17, 18, 19),
    },
)


def _kinect_v1(name: str, trunk: tuple[str, ...], parents: tuple[int, ...], spine: tuple[int, int]) -> SkeletonLayout:
    """20 joints: four of the trunk, in an order of the data set's own, and the limbs."""
    return SkeletonLayout(
        name=name,
        joints=(*trunk, *_limbs(_ARM, _LEG)),
        parents=parents,
        center=trunk.index('shoulder centre'),
        pairs=((4, 8), (5, 9), (6, 10), (7, 11), (12, 16), (13, 17), (14, 18), (15, 19)),
        spine=spine,
        shoulders=(4, 8),
        groups={
            'trunk': (0, 1, 2, 3),
            'left arm': (4, 5, 6, 7),
            'right arm': (8, 9, 10, 11),
            'left leg': (12, 13, 14, 15),
            'right leg': (16, 17, 18, 19),
        },
    )


KINECT20 = _kinect_v1(
    'kinect20',
    ('hip centre', 'spine', 'shoulder centre', 'head'),
    (1, 2, 2, 2, 2, 4, 5, 6, 2, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18),
    spine=(0, 1),
)
# Of UTD-MHAD.
UTD20 = _kinect_v1(
    'utd20',
    ('head', 'shoulder centre', 'spine', 'hip centre'),
    (1, 1, 1, 2, 1, 4, 5, 6, 1, 8, 9, 10, 3, 12, 13, 14, 3, 16, 17, 18),
    spine=(3, 2),
)

SBU15 = SkeletonLayout(
    name='sbu15',
    joints=('head', 'neck', 'torso', *_limbs(['shoulder', 'elbow', 'hand'], ['hip', 'knee', 'foot'])),
    parents=(1, 1, 1, 1, 3, 4, 1, 6, 7, 2, 9, 10, 2, 12, 13),
    center=1,
    pairs=((3, 6), (4, 7), (5, 8), (9, 12), (10, 13), (11, 14)),
    spine=(2, 1),
    shoulders=(3, 6),
    groups={
        'trunk': (0, 1, 2),
        'left arm': (3, 4, 5),
        'right arm': (6, 7, 8),
        'left leg': (9, 10, 11),
        'right leg': (12, 13, 14),
    },
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
    up='-y',
    groups={
        'trunk': (0, 1, 2, 3, 4),
        'left arm': (5, 7, 9),
        'right arm': (6, 8, 10),
        'left leg': (11, 13, 15),
        'right leg': (12, 14, 16),
    },
)

_FINGERS = ('thumb', 'index', 'middle', 'ring', 'little')

# SHREC'17: a tree from the wrist; the palm lies beside it, each finger starts at its base.
HAND22 = SkeletonLayout(
    name='hand22',
    joints=('wrist', 'palm', *(f'{f} {j}' for f in _FINGERS for j in ('base', 'first joint', 'second joint', 'tip'))),
    parents=(0, 0, *(v for base in range(2, 22, 4) for v in (0, base, base + 1, base + 2))),
    center=0,
    groups={'palm': (0, 1)} | {f: tuple(range(2 + 4 * i, 6 + 4 * i)) for i, f in enumerate(_FINGERS)},
)

LAYOUTS: dict[str, SkeletonLayout] = {layout.name: layout for layout in (NTU25, KINECT20, UTD20, SBU15, COCO17, HAND22)}


def get_layout(layout: str | Mapping | SkeletonLayout) -> SkeletonLayout:
    """Turns what a config may hold into a layout.

    Args:
        layout: A known name, the fields of :class:`SkeletonLayout` (a custom layout, written in the config), or a
            layout.

    Raises:
        ConfigError: If the name is unknown, or the fields do not make a layout.
    """
    if isinstance(layout, SkeletonLayout):
        return layout
    if isinstance(layout, str):
        if layout not in LAYOUTS:
            raise ConfigError(
                f"Unknown skeleton layout '{layout}'. Known: {sorted(LAYOUTS)}; "
                'a custom layout is given as a dict of the fields of SkeletonLayout.'
            )
        return LAYOUTS[layout]
    try:
        return SkeletonLayout(**layout)
    except TypeError as error:
        raise ConfigError(
            f'Not a skeleton layout: {error}. Fields: {list(SkeletonLayout.__dataclass_fields__)}.'
        ) from error
