import pytest
import torch
from mmengine.config import Config

from mmskelssl.evaluation.pretrained_model import state_digest
from mmskelssl.evaluation.reading import read_pretrained
from mmskelssl.utils.config import ConfigError
from mmskelssl.utils.errors import CheckpointError, StoreError

from .conftest import GRU, TEST, VIEW, pretraining


def sides(train, test):
    return dict(train_dataloader=dict(dataset=train), test_dataloader=dict(dataset=test))


def test_the_checkpoint_says_all(model, store, checkpoint):
    assert (model.config, model.epoch, model.method) == ('tiny', 3, 'SkeletonCLR')
    assert model.modalities == ('joint', 'motion', 'bone')
    assert model.train_set == dict(store=str(store), split='train')
    assert model.test_set == dict(store=str(store), split='test')
    assert (model.num_persons, model.num_frames) == (1, 8)
    assert model.train_view == VIEW[:1] and model.test_pipeline == TEST
    assert not model.is_transfer
    model.check()


def test_encoder_has_the_checkpoints_weights(model, checkpoint):
    weights = torch.load(checkpoint)['state_dict']
    for modality in model.modalities:
        state = model.encoder(modality).backbone.state_dict()
        assert state and all(
            torch.equal(value, weights[f'encoder.{modality}.backbone.{key}']) for key, value in state.items()
        )
        assert model.weights_digest(modality) == state_digest(state)
    assert len({model.weights_digest(modality) for modality in model.modalities}) == 3


def test_digest_sees_every_bit():
    state = dict(a=torch.zeros(3), b=torch.ones(2))
    assert state_digest(state) == state_digest(dict(reversed(state.items())))
    changed = state['a'].clone()
    changed[1] = 1e-30
    others = [dict(state, a=changed), dict(state, a=torch.zeros(3, 1)), dict(b=state['b']), dict(a=state['b'])]
    assert len({state_digest(other) for other in [state, *others]}) == 5


def test_other_data_another_store_and_fewer_modalities(checkpoint, store):
    data = Config(sides(dict(store='a', split='x'), dict(store='a', split='y')))
    model = read_pretrained(checkpoint, data=data, modalities=['bone'])
    assert model.is_transfer and model.modalities == ('bone',)
    assert model.train_set == dict(store='a', split='x')
    assert read_pretrained(checkpoint, store='elsewhere').test_set['store'] == 'elsewhere'


def test_other_data_are_normalized_as_the_encoder_knows_them(store, make_checkpoint):
    cfg = pretraining(store)
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        loader.dataset.normalize = [dict(type='CenterClip')]
    other = dict(store='a', split='x', normalize=[dict(type='PreNormalize')])
    model = read_pretrained(make_checkpoint(cfg), data=Config(sides(other, other)))
    assert model.train_set['normalize'] == model.test_set['normalize'] == [dict(type='CenterClip')]


def test_streams_are_evaluated_by_their_names(store, make_checkpoint):
    cfg = pretraining(store)
    del cfg.model['modalities']
    cfg.model.streams = dict(
        seq=dict(modality='bone'), wide=dict(modality='bone', backbone=dict(GRU, hidden_channels=4))
    )
    path = make_checkpoint(cfg)
    model = read_pretrained(path)
    assert model.modalities == ('seq', 'wide')
    weights = torch.load(path)['state_dict']
    for stream, width in (('seq', 16), ('wide', 8)):
        encoder = model.encoder(stream)
        assert encoder.modality == 'bone' and encoder.backbone.out_channels == width
        name = 'layers.0.0.weight_hh_l0'
        assert torch.equal(encoder.backbone.state_dict()[name], weights[f'encoder.{stream}.backbone.{name}'])


@pytest.mark.parametrize(
    'pipeline',
    [
        [dict(type='MultiView', transforms=VIEW)],
        [dict(type='MultiView', transforms=[VIEW, TEST], num_views=[1, 1])],
        VIEW,
    ],
)
def test_the_train_view_is_how_frames_were_taken(store, make_checkpoint, pipeline):
    cfg = pretraining(store)
    cfg.data_preprocessor.train_pipeline = pipeline
    model = read_pretrained(make_checkpoint(cfg))
    assert model.train_view == VIEW[:1] and model.augmented_view == VIEW


def test_other_cameras_as_positives_are_a_part_of_the_methods_name_and_not_of_its_data(store, make_checkpoint):
    cfg = pretraining(store)
    cfg.train_dataloader.dataset.mates = dict(same=['label'], other='camera')
    model = read_pretrained(make_checkpoint(cfg))
    assert model.method == 'SkeletonCLR, other cameras as positives'
    assert 'mates' not in model.train_set


def test_normalizations_of_the_view_stay(store, make_checkpoint):
    cfg = pretraining(store)
    cfg.data_preprocessor.train_pipeline = [dict(type='CenterClip'), *VIEW]
    assert read_pretrained(make_checkpoint(cfg)).train_view == [dict(type='CenterClip'), VIEW[0]]


def test_a_classifier_is_evaluated_too(store, make_checkpoint):
    cfg = pretraining(store)
    head = dict(type='LinearHead', num_classes=7)
    cfg.model = dict(
        type='SkeletonClassifier', backbone=GRU, head=head, modality='bone', layout='kinect20', num_persons=1
    )
    path = make_checkpoint(cfg)
    model = read_pretrained(path)
    assert model.modalities == ('bone',)
    weights = torch.load(path)['state_dict']
    assert torch.equal(model.encoder('bone').backbone.layers[0][0].weight_hh_l0,
                       weights['backbone.layers.0.0.weight_hh_l0'])  # fmt: skip


def test_without_a_config(store, make_checkpoint):
    path = make_checkpoint(pretraining(store), meta=dict(cfg=None))
    with pytest.raises(CheckpointError, match=r'carries no config.*--config CONFIG'):
        read_pretrained(path)
    assert read_pretrained(path, config=pretraining(store)).method == 'SkeletonCLR'


@pytest.mark.parametrize('key', ['train_dataloader', 'test_dataloader', 'model', 'data_preprocessor'])
def test_a_config_that_says_too_little(store, make_checkpoint, key):
    cfg = pretraining(store)
    path = make_checkpoint(cfg)
    cfg.pop(key)
    with pytest.raises(ConfigError, match=f'does not say .*{key}.*: pass --config'):
        read_pretrained(path, config=cfg)


def test_unknown_modality(checkpoint):
    with pytest.raises(CheckpointError, match='has no flow. It has joint, motion, bone'):
        read_pretrained(checkpoint, modalities=['joint', 'flow'])


def test_clips_on_both_sides_are_refused(checkpoint, store):
    train = dict(store=str(store), split='train')
    model = read_pretrained(checkpoint, data=Config(sides(train, train)))
    with pytest.raises(StoreError, match="60 clips, such as 'clip 00', are in both the training split"):
        model.check()


def test_another_layout_is_refused(checkpoint, make_store):
    other = str(make_store(layout='ntu25'))
    with pytest.raises(StoreError, match="has layout 'ntu25', the checkpoint's model 'kinect20'"):
        read_pretrained(checkpoint, store=other).check()


def test_a_split_that_is_not_there(checkpoint, store):
    data = Config(sides(dict(store=str(store), split='xsub_train'), {}))
    with pytest.raises(StoreError, match="no split 'xsub_train'"):
        read_pretrained(checkpoint, data=data).train_clips  # noqa: B018
