import json
import re

import numpy as np
import pytest
import torch
from mmengine.config import Config
from workshop import make_workshop, write_checkpoint

from mmskelssl.apis import SkeletonInferencer, init_model, list_models
from mmskelssl.datasets import ClipStore
from mmskelssl.evaluation import zoo
from mmskelssl.utils.errors import ConfigError

CLASSIFIER = dict(
    type='SkeletonClassifier',
    backbone=dict(type='BiGRU', hidden_channels=8),
    head=dict(type='LinearHead', num_classes=3),
    layout='kinect20',
    num_persons=1,
)


@pytest.fixture
def shipped(tmp_path, run_tool, monkeypatch):
    """A folder of weights with one model, made by the tool."""
    monkeypatch.chdir(tmp_path)
    cfg = Config.fromfile(make_workshop(tmp_path) / 'pretrain.py')
    cfg.model = CLASSIFIER
    path = write_checkpoint(tmp_path / 'run.pth', cfg, dataset_meta=dict(classes=['a', 'b', 'c']))
    (tmp_path / 'card.json').write_text(json.dumps(dict(data='random clips')))
    weights = tmp_path / 'weights'
    weights.mkdir()
    assert run_tool('model_converters/publish.py', path, weights / 'tiny.pth', '--card', tmp_path / 'card.json')[0] == 0
    monkeypatch.setattr(zoo, '_WEIGHTS', weights)
    return path


def test_published_weights_are_those_of_the_run_in_half_precision(shipped):
    assert list_models(pretrained=True) == ['tiny'] and list_models('other*', pretrained=True) == []
    model, whole = init_model('tiny', pretrained=True), init_model(None, shipped)
    assert model.card == dict(data='random clips') and model.dataset_meta == dict(classes=['a', 'b', 'c'])
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], value, rtol=1e-3, atol=1e-3)
        assert model.state_dict()[name].dtype == value.dtype
    with pytest.raises(ConfigError, match="No weights of 'cmd' come with the package; those of tiny do"):
        init_model('cmd', pretrained=True)


def test_a_clip_is_classified_by_the_model_for_its_skeleton(shipped, run_tool, tmp_path):
    clip = np.random.default_rng(0).normal(size=(12, 20, 3)).astype(np.float32)
    np.save(tmp_path / 'clip.npy', clip)
    status, out, _ = run_tool('infer.py', tmp_path / 'clip.npy', '--k', 2)
    (answer,) = SkeletonInferencer('tiny', pretrained=True)(clip, 2)
    best = [f'  {score:.3f}  {label}' for score, label in zip(answer.scores, answer.labels, strict=True)]
    assert status == 0 and out.splitlines()[-4:-1] == ['clip', *best] and 'by tiny' in out
    assert re.fullmatch(r'1 clips? in [\d.]+ s: [\d,]+ clips/s, [\d,.]+ ms per clip', out.splitlines()[-1])


def test_a_store_is_looked_up_in_a_gallery(shipped, run_tool, tmp_path):
    status, out, _ = run_tool('infer.py', 'store', '--gallery', 'store', '--split', 'train', '--k', 1)
    lines = out.splitlines()
    names = ClipStore('store').names[ClipStore('store').split('train')].tolist()
    for name in names:  # each is its own nearest neighbour
        assert lines[lines.index(name) + 1].startswith(f'  1.000  {name}, ')


@pytest.mark.parametrize(
    ('clip', 'says'),
    [
        (np.zeros((12, 25, 3)), '0 models of the package are for skeletons of 25 joints: give --model'),
        (np.zeros(3), '0 models of the package are for skeletons of 0 joints'),
        (np.array([None]), 'is not an array of numbers'),
    ],
)
def test_clips_that_no_model_is_for(shipped, run_tool, tmp_path, clip, says):
    np.save(tmp_path / 'clip.npy', clip)
    status, _, err = run_tool('infer.py', tmp_path / 'clip.npy')
    assert status == 1 and says in err


@pytest.mark.parametrize('name', list_models(pretrained=True))
def test_weights_of_the_package_are_small_and_say_where_they_come_from(name):
    assert zoo.find_weights(name).stat().st_size <= 1.5 * 2**20
    model = init_model(name, pretrained=True)
    assert {'data', 'method', 'results', 'commands', 'commit', 'machine'} <= model.card.keys()
    assert len(model.dataset_meta['classes']) > 1
    frames = np.random.default_rng(0).normal(size=(40, model.layout.num_joints, 3)).astype(np.float32)
    (answer,) = SkeletonInferencer(name, pretrained=True)(frames)
    assert (
        0.99 < sum(SkeletonInferencer(name, pretrained=True)(frames, 1000)[0].scores) < 1.01 and len(answer.labels) == 5
    )
