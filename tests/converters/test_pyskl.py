import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmskelssl.converters.pyskl import PysklReader
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.layouts import COCO17, KINECT20, NTU25
from mmskelssl.utils.errors import ClipError, StoreError

rng = np.random.default_rng(0)


def annotation(name, label, frames=5, persons=1, joints=25, coords=3, **changes):
    keypoint = rng.uniform(-1, 1, (persons, frames, joints, coords)).astype(np.float16)
    return dict(frame_dir=name, label=label, total_frames=frames, keypoint=keypoint) | changes


def in_image(name, label, **changes):
    score = rng.uniform(0.1, 1, (1, 5, 17)).astype(np.float16)
    return annotation(name, label, joints=17, coords=2, keypoint_score=score, img_shape=(1080, 1920)) | changes


NAMES = ['S001C001P001R001A003', 'S001C002P002R001A060', 'S002C003P003R002A001']
SPACE = dict(
    split=dict(xsub_train=NAMES[:1], xsub_val=NAMES[1:], xview_train=NAMES[1:], xview_val=NAMES[:1]),
    annotations=[annotation(NAMES[0], 2), annotation(NAMES[1], 59, 4, 2), annotation(NAMES[2], 0, 1)],
)


@pytest.fixture
def save(tmp_path):
    def save(content, name='set.pkl', protocol=4):
        (tmp_path / name).write_bytes(pickle.dumps(content, protocol))
        return tmp_path / name

    return save


@pytest.mark.parametrize('protocol', [2, 4, 5])
def test_store_holds_what_the_pickle_holds(save, tmp_path, run_converter, protocol):
    path = save(SPACE, protocol=protocol)
    status, out, _ = run_converter('pyskl', path, tmp_path / 'store')
    assert status == 0 and '3 clips' in out
    store = ClipStore(tmp_path / 'store')
    assert store.names.tolist() == NAMES and store.labels.tolist() == [2, 59, 0]
    assert store.layout == NTU25 and len(store.classes) == 60 and store.classes[0] == 'drink water'
    for i, item in enumerate(SPACE['annotations']):
        np.testing.assert_array_equal(store[i], item['keypoint'].astype(np.float32))
    assert store.attributes['camera'].tolist() == [1, 2, 3] and store.attributes['performer'].tolist() == [1, 2, 3]
    assert {name: index.tolist() for name, index in store.splits.items()} == dict(
        xsub_train=[0], xsub_test=[1, 2], xview_train=[1, 2], xview_test=[0]
    )


def test_list_alone_and_unknown_names(save):
    reader = PysklReader(save([annotation('a', 1), annotation('b', 3)]))
    assert reader.splits(list(reader)) == {} and reader.classes == ['class 0', 'class 1', 'class 2', 'class 3']
    assert [clip.attributes for clip in reader] == [{}, {}]


def test_split_that_is_called_test_already(save):
    content = dict(annotations=[annotation('a', 0)], split=dict(val=['a'], test=[], interval=['a']))
    reader = PysklReader(save(content))
    assert reader.splits(list(reader)) == dict(val=[0], test=[], interval=[0])


@pytest.mark.parametrize('third', ['score', 'zero'])
def test_pixels_become_lengths_in_the_image(save, third):
    item = in_image('a', 0)
    item['keypoint'][0, 0, 0] = [960, 540]
    item['keypoint'][0, 0, 1] = [1920, 1080]
    item['keypoint'][0, 0, 2] = [960, 0]
    item['keypoint_score'][0, 0, 3] = 0
    reader = PysklReader(save([item]), third=third)
    (raw,) = reader
    assert reader.layout == COCO17 and raw.clip.shape == (1, 5, 17, 3) and raw.clip.dtype == np.float32
    expected = [[0, 0], [16 / 9, 1], [0, -1], [0, 0]]
    np.testing.assert_allclose(raw.clip[0, 0, :4, :2], expected, atol=1e-6)
    depth = item['keypoint_score'].astype(np.float32) if third == 'score' else 0
    np.testing.assert_array_equal(raw.clip[..., 2], depth)
    assert reader.source['third'] == third


def test_layouts_by_joints_or_by_name(save):
    assert PysklReader(save([annotation('a', 0, joints=20)])).layout == KINECT20
    with pytest.raises(StoreError, match=r'set.pkl: 25 joints of 2 coordinates do not.*--layout'):
        PysklReader(save([annotation('a', 0, coords=2)]))
    assert PysklReader(save([annotation('a', 0, coords=2)]), NTU25).layout == NTU25


def test_given_classes(save, tmp_path, run_converter):
    (tmp_path / 'classes.txt').write_text('wave\n\nsit\n')
    path = save([annotation(NAMES[0], 1), annotation(NAMES[1], 2)])
    status, out, _ = run_converter('pyskl', path, tmp_path / 'store', '--classes', tmp_path / 'classes.txt')
    assert status == 0 and 'has label 2, but labels go from 0 to 1' in out
    assert ClipStore(tmp_path / 'store').classes == ['wave', 'sit']


BAD_ANNOTATIONS = {
    'no dict': ([1], 'it is a list, not a dict'),
    'no name': (
        {k: v for k, v in annotation('a', 0).items() if k != 'frame_dir'},
        "it has no 'frame_dir', but 'label', 'total_frames', 'keypoint'",
    ),
    'no label': ({k: v for k, v in annotation('a', 0).items() if k != 'label'}, "it has no 'label'"),
    'no keypoint': (dict(frame_dir='a', label=0, raw_file='x'), "it has no 'keypoint'"),
    'name': (annotation(7, 0), 'frame_dir 7 or label 0 is not text and a whole number'),
    'label': (annotation('a', 'wave'), "label 'wave' is not"),
    'half a label': (annotation('a', 0.5), 'label 0.5 is not'),
    'negative': (annotation('a', -1), 'has label -1, but labels go from 0'),
    'axes': (annotation('a', 0, keypoint=np.ones((5, 25, 3))), 'keypoint is float64(5, 25, 3), not an array'),
    'list': (annotation('a', 0, keypoint=[[1.0]]), 'keypoint is list, not'),
    'text': (annotation('a', 0, keypoint=np.full((1, 5, 25, 3), 'x')), 'keypoint is <U1(1, 5, 25, 3), not'),
    'frames': (annotation('a', 0, total_frames=6), 'total_frames is 6, but keypoint has 5 frames'),
    'frames of no number': (
        annotation('a', 0, total_frames=np.ones(3)),
        'total_frames is a value of type ndarray, but',
    ),
    'joints': (annotation('a', 0, joints=20), "has 20 joints, but layout 'ntu25' has 25"),
    'no frames': (annotation('a', 0, frames=0), 'is empty'),
    'nan': (annotation('a', 0, keypoint=np.full((1, 5, 25, 3), np.nan)), 'NaN'),
    'nobody': (annotation('a', 0, keypoint=np.zeros((1, 5, 25, 3))), 'all zero'),
    'score': (
        in_image('a', 0, keypoint_score=np.ones((1, 4, 17))),
        'keypoint_score has shape (1, 4, 17), but keypoint',
    ),
    'no score': (annotation('a', 0, joints=17, coords=2), "it has no 'keypoint_score'"),
    'no image': (in_image('a', 0, img_shape=None), 'img_shape is not (height, width)'),
    'image of three': (in_image('a', 0, img_shape=(3, 4, 5)), 'img_shape is not (height, width)'),
    'image of no size': (in_image('a', 0, img_shape=(0, 5)), 'not that of an image'),
    'image of any size': (
        in_image('a', 0, img_shape=(10**5000, 5)),
        'img_shape is not (height, width): a value of type int is not',
    ),
    'large label': (annotation('a', 10**5000), 'or label a value of type int is not text and a whole number'),
    'large frames': (annotation('a', 0, total_frames=10**5000), 'total_frames is a value of type int, but'),
    'large key': ({10**5000: 1}, "it has no 'frame_dir', but a value of type int"),
    'twice': (annotation('first', 0), 'comes twice'),
}


@pytest.mark.parametrize('kind', BAD_ANNOTATIONS)
def test_bad_annotation_is_skipped_and_named(save, tmp_path, run_converter, kind):
    bad, message = BAD_ANNOTATIONS[kind]
    path = save([annotation('first', 0), bad, annotation('last', 1)])
    status, out, _ = run_converter('pyskl', path, tmp_path / 'store')
    assert status == 0 and ClipStore(tmp_path / 'store').names.tolist() == ['first', 'last']
    (line,) = [line for line in out.splitlines() if 'set.pkl: annotations[1]' in line]
    assert message in line
    assert run_converter('pyskl', path, tmp_path / 'strict', '--strict')[0] == 1
    assert not (tmp_path / 'strict').exists()


def test_label_that_its_name_contradicts(save):
    items = [annotation(name, label) for name, label in zip(NAMES, [2, 58, 0], strict=True)]
    first, second, third = PysklReader(save(items))
    assert (first.label, third.label) == (2, 0) and isinstance(second, ClipError)
    assert 'has label 58, but its name says action 60, which is 59' in str(second)


def test_split_naming_absent_clips(save, tmp_path, run_converter):
    content = dict(annotations=[annotation('a', 0)], split=dict(train=['a', 'b', 'c', 'd', 'e', 'a']))
    status, out, _ = run_converter('pyskl', save(content), tmp_path / 'store')
    assert status == 0 and "set.pkl: split['train'] names 'b', 'c', 'd' and 1 more, but there is no such" in out
    assert ClipStore(tmp_path / 'store').split('train').tolist() == [0]


@pytest.mark.parametrize(
    'content, message',
    [
        (3, "is not a pickle of PYSKL: a dict with a list 'annotations' is needed"),
        ({'annotations': {}}, "is not a pickle of PYSKL: a dict with a list 'annotations'"),
        ({'annotations': []}, "'annotations' is empty"),
        ([dict(frame_dir='a', label=0)], "no annotation has an array (M, T, V, C) under 'keypoint'"),
        (dict(annotations=[annotation('a', 0)], split=['a']), "'split' is a list"),
        (dict(annotations=[annotation('a', 0)], split={'train': 'a'}), "split['train'] is not a list of names"),
        (
            dict(annotations=[annotation('a', 0)], split={'train': [1]}),
            "split['train'] is not a list of names",
        ),
        ([annotation('a', 10**9)], 'The largest label is 1000000000'),
    ],
)
def test_other_content(save, tmp_path, run_converter, content, message):
    status, _, err = run_converter('pyskl', save(content), tmp_path / 'store')
    assert status == 1 and 'set.pkl' in err or 'largest' in err
    assert message in err and err.count('\n') == 1
    assert not (tmp_path / 'store').exists()


VALUES = st.recursive(
    st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=3), st.just(np.ones((1, 2, 25, 3), np.float16))),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.tuples(inner, inner)),
    max_leaves=4,
)
KEYS = ('frame_dir', 'label', 'total_frames', 'keypoint', 'keypoint_score', 'img_shape')


@settings(max_examples=150, deadline=None)
@given(
    annotations=st.lists(
        st.one_of(
            VALUES,
            st.dictionaries(st.sampled_from(KEYS), VALUES).map(lambda changes: annotation('a', 0) | changes),
            st.dictionaries(st.sampled_from(KEYS), VALUES).map(lambda changes: in_image('b', 1) | changes),
        ),
        max_size=3,
    ),
    split=st.one_of(VALUES, st.dictionaries(st.text(max_size=2), VALUES, max_size=2)),
)
def test_any_content_is_read_or_refused(tmp_path_factory, annotations, split):
    path = tmp_path_factory.getbasetemp() / 'fuzz.pkl'
    path.write_bytes(pickle.dumps(dict(annotations=annotations, split=split), 4))
    try:
        reader = PysklReader(path)
    except StoreError:
        return
    reader.splits([outcome for outcome in reader if not isinstance(outcome, ClipError)])


def test_splits_and_image_sizes_may_be_arrays(save):
    names = ['a', 'b']
    items = [in_image(name, np.int64(0), img_shape=np.array([1080, 1920]), total_frames=np.int32(5)) for name in names]
    reader = PysklReader(save(dict(split=dict(train=np.array(['a']), val=np.array(['b'])), annotations=items)))
    clips = list(reader)
    assert [clip.name for clip in clips] == names
    assert reader.splits(clips) == dict(train=[0], test=[1])
