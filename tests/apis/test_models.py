import warnings

import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmskelssl.apis import extract_features, init_model
from mmskelssl.datasets import ClipBatch, ClipStore, SkeletonDataset
from mmskelssl.datasets.transforms import CenterClip, ViewPipeline, normalize_clip
from mmskelssl.utils import CheckpointError, ClipError, StoreError
from mmskelssl.utils.config import ConfigError


def test_model_of_a_checkpoint_brings_its_config(pretraining_config, make_checkpoint):
    path = make_checkpoint(pretraining_config)
    model = init_model(None, path, 'cpu')
    assert not model.training and model.cfg.model == pretraining_config.model
    weights = torch.load(path, weights_only=True)['state_dict']
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


def test_initializing_prints_nothing(pretraining_config, capfd):
    model = init_model(pretraining_config, device='cpu')
    assert capfd.readouterr() == ('', '')
    query, key = (getattr(model, name).state_dict() for name in ('encoder', 'encoder_k'))
    assert all(torch.equal(query[name], key[name]) for name in query)


def test_loading_prints_nothing(pretraining_config, make_checkpoint, capfd):
    init_model(None, make_checkpoint(pretraining_config), 'cpu')
    assert capfd.readouterr() == ('', '')


def test_features_of_clips_are_those_of_a_store_of_them(pretraining_config, make_store):
    """Whatever the shape of the data: arrays, a store, its path, or a data set."""
    path = make_store(lengths=(5, 9, 30, 12, 7))
    model = init_model(pretraining_config, device='cpu')
    store = ClipStore(path)
    of_store = extract_features(model, store)
    assert list(of_store['features']) == ['joint', 'bone'] and of_store['features']['bone'].shape == (5, 8)
    assert torch.equal(of_store['labels'], torch.from_numpy(store.labels))
    of_clips = extract_features(model, [store[i] for i in range(len(store))])
    assert set(of_clips) == {'features'}
    dataset_cfg = dict(pretraining_config.test_dataloader.dataset, store=path, split=None)
    dataset_cfg.pop('type')
    dataset = SkeletonDataset(**dataset_cfg)
    for other in (of_clips, extract_features(model, str(path)), extract_features(model, dataset)):
        for name, feature in of_store['features'].items():
            torch.testing.assert_close(other['features'][name], feature)


def test_features_of_a_split(pretraining_config, make_store):
    store = ClipStore(make_store())
    model = init_model(pretraining_config, device='cpu')
    everything, test = (extract_features(model, store, split) for split in (None, 'test'))
    torch.testing.assert_close(test['features']['joint'], everything['features']['joint'][store.splits['test']])
    with pytest.raises(StoreError, match="no split 'val'"):
        extract_features(model, store, 'val')


def test_clips_of_one_person_fit_an_encoder_of_two(pretraining_config):
    model = init_model(pretraining_config, device='cpu')
    alone = np.random.default_rng(0).normal(size=(1, 9, 25, 3))
    extracted = extract_features(model, [alone, np.concatenate([alone, alone])])['features']['joint']
    for arrays, row in ((alone, [0]), (np.stack([alone] * 2), [0, 0])):
        torch.testing.assert_close(extract_features(model, arrays)['features']['joint'], extracted[row])
    assert extracted.shape == (2, 8) and not torch.equal(*extracted)


def test_persons_of_zeros_count_for_nothing(pretraining_config):
    """Arrays are often padded to two persons."""
    model = init_model(pretraining_config, device='cpu')
    alone = np.random.default_rng(0).normal(size=(1, 9, 25, 3))
    extracted = extract_features(model, [alone, np.concatenate([np.zeros_like(alone), alone])])['features']['joint']
    assert torch.equal(*extracted)
    with pytest.raises(ClipError, match='coordinates are all zero'):
        extract_features(model, [np.zeros((2, 9, 25, 3))])
    with pytest.raises(ValueError, match='no clips to encode'):
        extract_features(model, [])


def test_clips_are_normalized_and_seen_as_the_config_tests(pretraining_config, make_store):
    model = init_model(pretraining_config, device='cpu')
    clip = ClipStore(make_store())[3]
    (view,) = ViewPipeline(pretraining_config.data_preprocessor.test_pipeline)(
        ClipBatch.of([normalize_clip(clip, [CenterClip()], 'ntu25')]), torch.zeros(1, dtype=torch.long), model.layout
    )
    expected = model(view)
    for name, feature in extract_features(model, [clip])['features'].items():
        torch.testing.assert_close(feature, expected[name])


def test_a_model_without_test_views_says_where_they_belong(pretraining_config):
    pretraining_config.pop('data_preprocessor')
    model = init_model(pretraining_config, device='cpu')
    with pytest.raises(ConfigError, match='set test_pipeline of data_preprocessor'):
        extract_features(model, [np.ones((1, 4, 25, 3))])


@pytest.mark.parametrize('clip, message', [
    (np.zeros((1, 4, 20, 3)) + 1, "Clip 'number 1' has 20 joints, but layout 'ntu25' has 25"),
    (np.ones((25, 3)), "Clip 'number 1' has shape"),
    (np.full((1, 4, 25, 3), np.nan), 'NaN'),
])  # fmt: skip
def test_unusable_clips_are_named(pretraining_config, clip, message):
    model = init_model(pretraining_config, device='cpu')
    with pytest.raises(ClipError, match=message):
        extract_features(model, [np.ones((1, 4, 25, 3)), clip])


def test_a_model_that_does_not_know_how_it_tests(pretraining_config):
    model = init_model(Config(dict(model=pretraining_config.model)), device='cpu')
    with pytest.raises(ConfigError, match='does not know how its clips are tested'):
        extract_features(model, [np.ones((1, 4, 25, 3))])


def test_neither_config_nor_checkpoint():
    with pytest.raises(ConfigError, match='needs a config'):
        init_model(None)


def test_checkpoint_without_config(pretraining_config, tmp_path):
    torch.save(dict(state_dict={}), tmp_path / 'bare.pth')
    with pytest.raises(CheckpointError, match=r'bare\.pth carries no config: give the config'):
        init_model(None, tmp_path / 'bare.pth')


def test_unknown_name():
    with pytest.raises(ConfigError, match="no config 'cdm'.*list_models"):
        init_model('cdm')


def test_a_clip_without_an_axis_of_persons_is_of_one_person(pretraining_config):
    model = init_model(pretraining_config, device='cpu')
    clip = np.random.default_rng(0).normal(0, 0.3, (9, 25, 3)).astype(np.float32)
    expected = extract_features(model, [clip[None]])['features']['joint']
    for data in (clip, [clip], clip[None]):
        torch.testing.assert_close(extract_features(model, data)['features']['joint'], expected)


def test_persons_left_out_are_noted(pretraining_config, make_store):
    model = init_model(
        Config(dict(pretraining_config, model=dict(pretraining_config.model, num_persons=1))), device='cpu'
    )
    one, two = np.ones((1, 4, 25, 3)), np.ones((2, 4, 25, 3))
    with pytest.warns(UserWarning, match=r'takes 1 person\(s\) .* left out of 2 of 3 clips'):
        extract_features(model, [two, one, two])
    with pytest.warns(UserWarning, match='left out of 3 of 7 clips'):
        extract_features(model, make_store())
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        extract_features(model, [one])


@pytest.mark.parametrize('data', [None, 5, 2.5, object()])
def test_what_is_no_clip_is_refused(pretraining_config, data):
    with pytest.raises(ClipError, match=r'is not what is taken: clips \(M, T, V, C\) or'):
        extract_features(init_model(pretraining_config, device='cpu'), data)


def test_a_store_of_another_layout_is_refused(pretraining_config, make_store):
    model = init_model(pretraining_config, device='cpu')
    with pytest.raises(ConfigError, match="store has layout 'kinect20', the model 'ntu25'"):
        extract_features(model, make_store(layout='kinect20'))
