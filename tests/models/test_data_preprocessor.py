import pytest
import torch

from mmskelssl.datasets import ClipStore, SkeletonDataset
from mmskelssl.datasets.layouts import get_layout
from mmskelssl.datasets.sampler import ClipRequest
from mmskelssl.datasets.transforms import ViewPipeline
from mmskelssl.models import SkeletonDataPreprocessor
from mmskelssl.utils.errors import ConfigError

VIEW = [
    dict(type='TemporalCropResize', num_frames=16, min_frames=4),
    dict(type='RandomChoice', transforms=[[dict(type='Shear')], [dict(type='JointCorruption', num_joints=5)]]),
]
TRAIN = [dict(type='MultiView', transforms=VIEW, num_views=2)]
TEST = [dict(type='CenterCropResize', num_frames=8)]
REQUESTS = [ClipRequest(index, seed=3, epoch=7) for index in (4, 0, 5)]


@pytest.fixture
def store(make_store):
    return make_store(layout='kinect20')


def preprocessor(**options):
    return SkeletonDataPreprocessor(**dict(train_pipeline=TRAIN, test_pipeline=TEST, layout='kinect20') | options)


@pytest.mark.parametrize('training', [True, False])
def test_views_are_those_of_the_pipeline(store, training):
    data = SkeletonDataset(store).__getitems__(REQUESTS)
    pipeline = ViewPipeline(TRAIN if training else TEST)
    expected = pipeline(data['inputs']['clips'], data['inputs']['keys'], get_layout('kinect20'))
    batch = preprocessor()(data, training)
    assert set(batch) == {'inputs', 'data_samples'}
    assert len(batch['inputs']) == len(expected) == (2 if training else 1)
    for view, wanted in zip(batch['inputs'], expected, strict=True):
        assert view.shape == (3, 2, 16 if training else 8, 20, 3)
        assert torch.equal(view, wanted)
    assert batch['data_samples']['labels'].tolist() == [1, 0, 2]
    assert batch['data_samples']['index'].tolist() == [4, 0, 5]


@pytest.mark.parametrize('training', [True, False])
def test_mixed_precision_does_not_reach_views(store, training):
    data = SkeletonDataset(store).__getitems__(REQUESTS)
    expected = preprocessor()(data, training)['inputs']
    with torch.autocast('cpu', torch.bfloat16):
        got = preprocessor()(data, training)['inputs']
    assert all(torch.equal(view, wanted) for view, wanted in zip(got, expected, strict=True))


def test_test_views_by_hand(store):
    (view,) = preprocessor()(SkeletonDataset(store).__getitems__([3]))['inputs']
    clip = torch.from_numpy(ClipStore(store)[3].copy())  # of 30 frames, of which one at either end would be 5 %
    rows = torch.nn.functional.interpolate(clip.permute(0, 2, 3, 1).flatten(1, 2), size=8, mode='linear')
    torch.testing.assert_close(view[0], rows.unflatten(1, (20, 3)).permute(0, 3, 1, 2), rtol=0, atol=1e-5)


def test_number_of_persons(store):
    data = SkeletonDataset(store).__getitems__([0, 1])  # of one person and of two
    everybody = preprocessor()(data)['inputs'][0]
    for persons in (1, 2, 3):
        (view,) = preprocessor(num_persons=persons)(data)['inputs']
        assert view.shape[1] == persons
        assert torch.equal(view[:, :2], everybody[:, :persons]) and not view[0, 1:].any() and not view[1, 2:].any()


def test_clips_of_one_frame_pass_every_transform(make_store):
    steps = [*VIEW, dict(type='RandomTurn'), dict(type='TemporalShift'), dict(type='Shear', orthogonalize=True)]
    make = preprocessor(train_pipeline=[dict(type='MultiView', transforms=steps)], layout='ntu25')
    store = make_store(lengths=[1, 1, 1])
    normalize = [dict(type='CenterClip'), dict(type='AlignShoulders')]
    data = SkeletonDataset(store, normalize=normalize).__getitems__([ClipRequest(i, 1, 1) for i in range(3)])
    assert all(view.shape == (3, 2, 16, 25, 3) and view.isfinite().all() for view in make(data, True)['inputs'])
    (view,) = make(SkeletonDataset(store).__getitems__([0, 1, 2]))['inputs']
    torch.testing.assert_close(view[1], torch.from_numpy(ClipStore(store)[1].copy()).expand(-1, 8, -1, -1))


@pytest.mark.parametrize(('training', 'kind'), [(True, 'train_pipeline'), (False, 'test_pipeline')])
def test_a_pipeline_that_is_missing_is_explained(store, training, kind):
    make = preprocessor(**{kind: None})
    with pytest.raises(ConfigError, match=f'No views can be made of clips: set {kind} of data_preprocessor'):
        make(SkeletonDataset(store)[0], training)
    assert make(SkeletonDataset(store)[0], not training)['inputs']


def test_a_pipeline_in_the_wrong_order_is_refused_when_it_is_built():
    with pytest.raises(ConfigError, match='CenterClip works on clips, but stands where there are views'):
        preprocessor(test_pipeline=[*TEST, dict(type='CenterClip')])


@pytest.mark.parametrize('num_padding', [1, 3])
def test_clips_that_fill_up_the_last_batch_are_left_out(store, num_padding):
    data = SkeletonDataset(store).__getitems__(REQUESTS)
    whole = preprocessor()(data, training=True)
    out = preprocessor()(dict(data, num_padding=num_padding), training=True)
    assert set(out) == {'inputs', 'data_samples'}
    for view, wanted in zip(out['inputs'], whole['inputs'], strict=True):
        assert torch.equal(view, wanted[: 3 - num_padding])
    assert out['data_samples']['index'].tolist() == [4, 0, 5][: 3 - num_padding]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
def test_views_made_on_a_gpu_are_those_of_the_cpu(store):
    data = SkeletonDataset(store).__getitems__(REQUESTS)
    expected = preprocessor()(data, training=True)['inputs']
    batch = preprocessor().cuda()(data, training=True)
    for view, wanted in zip(batch['inputs'], expected, strict=True):
        assert view.is_cuda
        torch.testing.assert_close(view.cpu(), wanted)
    assert batch['data_samples']['labels'].is_cuda
