import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from sklearn.neighbors import KNeighborsClassifier

from mmskelssl.datasets import SkeletonDataset
from mmskelssl.registry import MODELS

VIEWS = dict(type='SkeletonDataPreprocessor', test_pipeline=[dict(type='CenterCropResize', num_frames=4)])


class Stages(Hook):
    def __init__(self):
        self.seen = []

    def before_val_iter(self, runner, batch_idx, data_batch=None):
        self.seen.append(batch_idx)

    before_test_iter = before_val_iter


def make_model():
    return MODELS.build(
        dict(
            type='SkeletonCLR',
            backbone=dict(type='RawCoordinates', num_frames=4),
            neck=dict(type='ProjectionNeck'),
            layout='kinect20',
            num_persons=1,
            data_preprocessor=VIEWS,
            modalities=['joint', 'motion'],
            queue_size=8,
        )
    )


@pytest.fixture
def store(make_store):
    return make_store(lengths=range(6, 28), layout='kinect20', max_persons=1)


def loader_of(store, split):
    return dict(
        batch_size=4,
        num_workers=0,
        sampler=dict(type='ClipSampler', shuffle=False),
        collate_fn=dict(type='mmskelssl.batch_collate'),
        dataset=dict(type='SkeletonDataset', store=str(store), split=split),
    )


def stage_options(stage, store, loop=None):
    gallery = dict(gallery_dataloader=loader_of(store, 'train'))
    return {
        f'{stage}_dataloader': loader_of(store, 'test'),
        f'{stage}_evaluator': dict(type='KNN', k=3),
        f'{stage}_cfg': loop or dict(type=f'Gallery{stage.title()}Loop', **gallery),
    }


@pytest.mark.parametrize('stage', ['val', 'test'])
def test_knn_of_queries_in_the_gallery(make_runner, store, stage):
    model, hook, states = make_model().train(), Stages(), []
    model.register_forward_hook(lambda *_: states.append((model.training, torch.is_grad_enabled())))
    runner = make_runner(model, hooks=[hook], **stage_options(stage, store))
    metrics = getattr(runner, stage)()
    assert states == [(False, False)] * (5 + 2)  # 17 clips of the gallery, 5 queries

    sets = [SkeletonDataset(store, split) for split in ('train', 'test')]
    views = [model.data_preprocessor(data.__getitems__(range(len(data))))['inputs'][0] for data in sets]
    labels = [data.labels for data in sets]
    for name in ('joint', 'motion'):
        gallery, queries = (model.extract(view)[name].numpy() for view in views)
        knn = KNeighborsClassifier(3, metric='cosine', algorithm='brute').fit(gallery, labels[0])
        assert metrics[f'knn/{name}_top1'] == pytest.approx(100 * knn.score(queries, labels[1]))
    assert list(metrics) == ['knn/joint_top1', 'knn/motion_top1']
    assert hook.seen == [0, 1]  # hooks see the queries, not the gallery


@pytest.mark.parametrize('stage', ['val', 'test'])
def test_without_a_gallery_of_its_own_it_is_the_training_set(make_runner, store, stage):
    """Loaded as the queries are: not shuffled, in their batches."""
    said = make_runner(make_model(), **stage_options(stage, store))
    train = dict(loader_of(store, 'train'), batch_size=2, sampler=dict(type='ClipSampler', shuffle=True))
    options = stage_options(stage, store, loop=dict(type=f'Gallery{stage.title()}Loop'))
    # A runner of a config, as tools make it, knows a training set that it does not train on.
    model = said.model
    left_out = make_runner(model, cfg=Config(dict(train_dataloader=train)), **options)
    assert getattr(left_out, stage)() == getattr(said, stage)()
    gallery = getattr(left_out, f'{stage}_loop').gallery_dataloader
    assert len(gallery.dataset) == 17 and gallery.batch_size == 4 and not gallery.sampler.shuffle


class Exchange(Hook):
    """Exchanges the weights for the time of an evaluation, as EMAHook does, and notes when."""

    def __init__(self):
        self.events = []

    def before_val_epoch(self, runner):
        self.events.append('exchanged')

    def after_val_epoch(self, runner, metrics=None):
        self.events.append('back')

    before_test_epoch, after_test_epoch = before_val_epoch, after_val_epoch


@pytest.mark.parametrize('stage', ['val', 'test'])
def test_gallery_and_queries_are_encoded_by_the_same_weights(make_runner, store, stage):
    model, hook = make_model(), Exchange()
    model.register_forward_hook(lambda *_: hook.events.append('encoded'))
    getattr(make_runner(model, hooks=[hook], **stage_options(stage, store)), stage)()
    assert hook.events == ['exchanged', *['encoded'] * (5 + 2), 'back']


def test_a_second_evaluation_starts_afresh(make_runner, store):
    runner = make_runner(make_model(), **stage_options('val', store))
    assert runner.val() == runner.val()


def test_knn_without_a_gallery_is_explained(make_runner, store):
    runner = make_runner(make_model(), **stage_options('test', store, loop=dict(type='TestLoop')))
    with pytest.raises(ValueError, match='needs a gallery: set val_cfg / test_cfg to GalleryValLoop / GalleryTestLoop'):
        runner.test()
