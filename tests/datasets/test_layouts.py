import dataclasses
import json

import numpy as np
import pytest

from mmskelssl.datasets.layouts import (
    COCO17,
    HAND22,
    KINECT20,
    LAYOUTS,
    NTU25,
    SBU15,
    UTD20,
    SkeletonLayout,
    get_layout,
)
from mmskelssl.utils.errors import ConfigError

# The bones as the official programs of CrosSCLR, CMD and MMCV write them: (joint, parent), counted from 1.
NTU_BONES = [
    *((1, 2), (2, 21), (3, 21), (4, 3), (5, 21), (6, 5), (7, 6), (8, 7), (9, 21), (10, 9), (11, 10), (12, 11)),
    *((13, 1), (14, 13), (15, 14), (16, 15), (17, 1), (18, 17), (19, 18), (20, 19), (21, 21)),
    *((22, 23), (23, 8), (24, 25), (25, 12)),
]
UCLA_BONES = [
    *((1, 2), (2, 3), (4, 3), (5, 3), (6, 5), (7, 6), (8, 7), (9, 3), (10, 9), (11, 10), (12, 11)),
    *((13, 1), (14, 13), (15, 14), (16, 15), (17, 1), (18, 17), (19, 18), (20, 19)),
]
OWN = dict(
    name='arm',
    joints=['left hand', 'chest', 'right hand'],
    parents=[1, 1, 1],
    center=1,
    pairs=[[0, 2]],
    spine=[1, 0],
    shoulders=[0, 2],
)


@pytest.mark.parametrize('layout, bones', [(NTU25, NTU_BONES), (KINECT20, UCLA_BONES)])
def test_bones_are_those_of_the_papers(layout, bones):
    assert [(v + 1, p + 1) for v, p in layout.bones] == [(v, p) for v, p in bones if v != p]
    assert [p + 1 for p in layout.parents] == [dict(bones).get(v, v) for v in range(1, layout.num_joints + 1)]


def test_joints_are_where_the_recordings_have_them():
    assert NTU25.num_joints == 25 and KINECT20.num_joints == 20
    assert NTU25.center + 1 == 21 and NTU25.joints[20] == 'spine at shoulders'
    assert KINECT20.center + 1 == 3 and KINECT20.joints[2] == 'shoulder centre'
    names = {5: 'left shoulder', 8: 'left hand', 12: 'right hand', 13: 'left hip', 20: 'right foot'}
    for layout in (NTU25, KINECT20):
        assert {number: layout.joints[number - 1] for number in names} == names
        assert [layout.joints[v] for v in layout.shoulders] == ['left shoulder', 'right shoulder']
        assert layout.spine == (0, 1)
    assert NTU25.joints[21:] == ('left hand tip', 'left thumb', 'right hand tip', 'right thumb')


def test_utd_mhad_has_the_skeleton_of_kinect20_in_another_order():
    order = [KINECT20.joints.index(joint) for joint in UTD20.joints]
    assert sorted(order) == list(range(20)) and UTD20.joints[:4] == ('head', 'shoulder centre', 'spine', 'hip centre')
    assert [order[parent] for parent in UTD20.parents] == [KINECT20.parents[joint] for joint in order]
    assert order[UTD20.center] == KINECT20.center
    for part in ('spine', 'shoulders'):
        assert tuple(order[v] for v in getattr(UTD20, part)) == getattr(KINECT20, part)
    assert {name: {order[v] for v in joints} for name, joints in UTD20.groups.items()} == {
        name: set(joints) for name, joints in KINECT20.groups.items()
    }


def test_bones_are_named():
    def bones(layout):
        return {f'{layout.joints[v]} - {layout.joints[p]}' for v, p in layout.bones}

    assert bones(SBU15) == {
        *('head - neck', 'torso - neck'),
        *(f'{side} {bone}' for side in ('left', 'right') for bone in ('shoulder - neck', 'hip - torso')),
        *(
            f'{side} {joint} - {side} {parent}'
            for side in ('left', 'right')
            for joint, parent in (('elbow', 'shoulder'), ('hand', 'elbow'), ('knee', 'hip'), ('foot', 'knee'))
        ),
    }
    assert bones(HAND22) == {
        'palm - wrist',
        *(
            bone
            for finger in ('thumb', 'index', 'middle', 'ring', 'little')
            for bone in (
                f'{finger} base - wrist',
                f'{finger} first joint - {finger} base',
                f'{finger} second joint - {finger} first joint',
                f'{finger} tip - {finger} second joint',
            )
        ),
    }


@pytest.mark.parametrize('layout', LAYOUTS.values(), ids=LAYOUTS)
def test_mirror_exchanges_left_and_right_and_is_its_own_inverse(layout):
    mirror = np.array(layout.mirror)
    assert (mirror[mirror] == np.arange(layout.num_joints)).all()
    for joint, image in zip(layout.joints, mirror, strict=True):
        swap = {'left': 'right', 'right': 'left'}
        side, _, rest = joint.partition(' ')
        assert layout.joints[image] == (f'{swap[side]} {rest}' if side in swap else joint)


def test_custom_layout_from_a_config():
    layout = get_layout(OWN)
    assert layout.bones == ((0, 1), (2, 1))
    assert layout.mirror == (2, 1, 0)
    assert get_layout(layout) is layout


@pytest.mark.parametrize('layout', [*LAYOUTS.values(), get_layout(OWN)])
def test_layout_survives_json(layout):
    assert get_layout(json.loads(json.dumps(layout.to_dict()))) == layout


def test_layouts_are_found_by_name_and_others_refused():
    assert get_layout('ntu25') is NTU25 and get_layout('kinect20') is KINECT20
    with pytest.raises(ConfigError, match="'coco'.*kinect20.*ntu25"):
        get_layout('coco')


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(parents=[1, 1]), "'arm' names 3 joints but 2 parents"),
        (dict(joints=['hand', 'chest', 'hand']), r"several joints named \['hand'\]"),
        (dict(spine=[1, 1]), r'spine=\(1, 1\) is not two joints'),
        (dict(shoulders=[2, 2]), r'shoulders=\(2, 2\) is not two joints'),
        (dict(spine=[1]), r'spine=\(1,\) is not two joints'),
        (dict(parents=[1, 1, 3]), r'3 joints but refers to \[3\]'),
        (dict(center=-1), r'refers to \[-1\]'),
        (dict(pairs=[[0, 7]]), r'refers to \[7\]'),
        (dict(spine=[1, 4]), r'refers to \[4\]'),
        (dict(shoulders=[9, 2]), r'refers to \[9\]'),
        (dict(parents=[2, 1, 0]), r"\['left hand', 'right hand'\] do not lead to a root"),
        (dict(pairs=[[0, 2], [2, 1]]), r"\['right hand'\] belong to more than one left-right pair"),
        (dict(groups=dict(arm=[0, 8])), r'refers to \[8\]'),
        (dict(up='y'), r"up='y' is not one of \('\+y', '-y'"),
        (dict(colour='red'), 'colour.*Fields:.*parents'),
    ],
)
def test_bad_layouts_are_refused_with_what_is_wrong(change, message):
    with pytest.raises(ValueError, match=message):
        get_layout({**OWN, **change})


def test_missing_field_is_named():
    with pytest.raises(ValueError, match='center'):
        get_layout({key: value for key, value in OWN.items() if key != 'center'})


def test_layouts_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        NTU25.center = 0
    assert hash(SkeletonLayout(**OWN)) == hash(get_layout(OWN))


@pytest.mark.parametrize('layout', LAYOUTS.values(), ids=LAYOUTS)
def test_groups_hold_every_joint_once(layout):
    parts = ('base', 'first joint', 'second joint', 'tip')
    assert sorted(v for joints in layout.groups.values() for v in joints) == list(range(layout.num_joints))
    names = {'trunk', 'left arm', 'right arm', 'left leg', 'right leg'}
    assert set(layout.groups) == ({'palm', 'thumb', 'index', 'middle', 'ring', 'little'} if layout is HAND22 else names)
    for name, joints in layout.groups.items():
        side = name.partition(' ')[0]
        if side in ('left', 'right'):
            assert all(layout.joints[v].startswith(side) for v in joints)
        elif layout is HAND22 and name != 'palm':
            assert [layout.joints[v] for v in joints] == [f'{name} {part}' for part in parts]


def test_clips_are_moved_by_the_lower_spine_or_the_root():
    assert [layout.origin for layout in (NTU25, KINECT20, COCO17, HAND22)] == [0, 0, 11, 0]
    assert get_layout({**OWN, 'spine': None}).origin == 1


@pytest.mark.parametrize('part', ['spine', 'shoulders'])
def test_what_a_layout_lacks_is_refused_with_who_needs_it(part):
    assert NTU25.require(part, 'Step') == getattr(NTU25, part)
    with pytest.raises(ConfigError, match=f"Step needs `{part}` of the layout, and layout 'hand22' has none: leave"):
        HAND22.require(part, 'Step')


def test_up_and_groups_do_not_make_another_skeleton():
    other = dataclasses.replace(NTU25, up='-z', groups={})
    assert other == NTU25 and hash(other) == hash(NTU25)
    assert dataclasses.replace(NTU25, center=0) != NTU25
