import pytest
import torch

from mmskelssl.datasets import SkeletonDataset
from mmskelssl.datasets.sampler import ClipDraw
from mmskelssl.models import SkeletonDataPreprocessor

VIEW = [
    dict(type='TemporalCropResize', num_frames=16, min_frames=4),
    dict(type='RandomChoice', transforms=[[dict(type='Shear')], [dict(type='JointCorruption', num_joints=5)]]),
]
TRAIN = [dict(type='MultiView', transforms=VIEW, num_views=2)]
TEST = [dict(type='CenterCropResize', num_frames=8)]


@pytest.fixture
def store(make_store):
    return make_store(layout='kinect20')


@pytest.mark.parametrize('training', [True, False])
def test_views_made_on_the_device_are_those_of_the_workers(store, training):
    draws = [ClipDraw(index, seed=3, epoch=7) for index in (4, 0, 5)]
    pipeline = TRAIN if training else TEST
    expected = SkeletonDataset(store, pipeline=pipeline).__getitems__(draws)
    preprocessor = SkeletonDataPreprocessor(train_pipeline=TRAIN, test_pipeline=TEST)
    batch = preprocessor(SkeletonDataset(store).__getitems__(draws), training)
    assert len(batch['inputs']) == len(expected['inputs']) == (2 if training else 1)
    for view, wanted in zip(batch['inputs'], expected['inputs'], strict=True):
        assert view.shape == (3, 2, 16 if training else 8, 20, 3)
        torch.testing.assert_close(view, wanted)
    assert batch['data_samples']['labels'].tolist() == [1, 0, 2]
    assert batch['data_samples']['index'].tolist() == [4, 0, 5]


def test_finished_views_are_passed_on(store):
    data = SkeletonDataset(store, pipeline=TEST)[2]
    batch = SkeletonDataPreprocessor(train_pipeline=TRAIN)(data, training=True)
    assert len(batch['inputs']) == 1 and torch.equal(batch['inputs'][0], data['inputs'][0])


@pytest.mark.parametrize(('training', 'kind'), [(True, 'train_pipeline'), (False, 'test_pipeline')])
def test_no_pipeline_at_all_is_explained(store, training, kind):
    preprocessor = SkeletonDataPreprocessor(**{'test_pipeline' if training else 'train_pipeline': TEST})
    with pytest.raises(ValueError, match=f'set `pipeline` of the dataset, or {kind} of model.data_preprocessor'):
        preprocessor(SkeletonDataset(store)[0], training)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
def test_views_made_on_a_gpu_are_those_of_the_cpu(store):
    draws = [ClipDraw(index, seed=3, epoch=7) for index in (4, 0, 5)]
    expected = SkeletonDataset(store, pipeline=TRAIN).__getitems__(draws)['inputs']
    preprocessor = SkeletonDataPreprocessor(train_pipeline=TRAIN).cuda()
    batch = preprocessor(SkeletonDataset(store).__getitems__(draws), training=True)
    for view, wanted in zip(batch['inputs'], expected, strict=True):
        assert view.is_cuda
        torch.testing.assert_close(view.cpu(), wanted)
    assert batch['data_samples']['labels'].is_cuda


@pytest.mark.parametrize('num_padding', [1, 3])
def test_clips_that_fill_up_the_last_batch_are_left_out(num_padding):
    views = [torch.randn(3, 1, 4, 25, 3) for _ in range(2)]
    data = dict(inputs=views, data_samples=dict(labels=torch.arange(3), index=torch.arange(3)), num_padding=num_padding)
    out = SkeletonDataPreprocessor()(data, training=True)
    assert out.keys() == {'inputs', 'data_samples'}
    assert all(torch.equal(a, b[: 3 - num_padding]) for a, b in zip(out['inputs'], views, strict=True))
    assert out['data_samples']['index'].tolist() == list(range(3 - num_padding))
