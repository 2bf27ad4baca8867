"""Protocols that say a head and options of the backbone."""

import pytest
import torch
from mmengine.optim import build_optim_wrapper

from mmskelssl.evaluation.protocols import load_protocol
from mmskelssl.evaluation.protocols.schedule import with_epochs
from mmskelssl.evaluation.reading import read_pretrained
from mmskelssl.evaluation.references import _for_coordinates, cheap_forms
from mmskelssl.evaluation.workspace import Workspace
from mmskelssl.registry import MODELS
from mmskelssl.utils.config import model_config
from mmskelssl.utils.errors import ConfigError

from ..conftest import pretraining


def short(name, **options):
    return load_protocol(name, {name: {'train_cfg.max_epochs': 2, 'protocol.min_steps': 0, **options}})


def test_linear_probe_normalizes_turns_and_leaves_the_encoder(model, checkpoint, tmp_path):
    protocol = load_protocol('linear-mamp', {'linear-mamp': {'train_cfg.max_epochs': 2}})
    result = protocol.run(Workspace(model, tmp_path), ('joint',))
    state = torch.load(tmp_path / 'linear-mamp/joint/run0/epoch_2.pth')['state_dict']
    before = torch.load(checkpoint)['state_dict']
    frozen = {key: value for key, value in state.items() if key.startswith('backbone.')}
    assert frozen and all(torch.equal(value, before[f'encoder.joint.{key}']) for key, value in frozen.items())
    assert {key for key in state if 'head' in key} == {
        *('head.fc.weight', 'head.fc.bias'),
        *(f'head.norm.{name}' for name in ('running_mean', 'running_var', 'num_batches_tracked')),
    }
    assert 'RandomRotation' in result.card.train_crop and 'ratio=(0.5, 1.0)' in result.card.train_crop
    assert 'RandomRotation' not in result.card.test_crop
    assert result.card.schedule['head'] == dict(type='LinearHead', norm=True) and result.card.batch_size == 256


@pytest.mark.parametrize('start', ['finetune', 'supervised'])
def test_fine_tuning_by_two_layers_runs_on_any_backbone(model, tmp_path, start):
    options = {'model.head.hidden_channels': 8, 'train_dataloader.batch_size': 59}  # one of 60 clips is left alone
    result = short(f'{start}-mamp', **options).run(Workspace(model, tmp_path), ('bone',))
    assert result.card.trained == 'all' and result.card.schedule['paramwise']['layer_decay'] == 0.8
    assert result.card.start == ('random' if start == 'supervised' else 'pre-trained')
    assert 'backbone' not in result.card.schedule


def test_options_of_the_backbone_are_replaced_for_its_type(model, tmp_path):
    protocol = short('finetune-mamp', **{'protocol.backbones': dict(BiGRU=dict(num_layers=2), AGCN=dict(other=1))})
    classifier = MODELS.build(model_config(protocol.config(model, 'joint', 0)))
    assert len(classifier.backbone.layers) == 2
    assert classifier.head.num_classes == 3 and classifier.head.hidden.out_features == 2048
    assert model.streams['joint']['backbone'].get('num_layers') is None  # the model's own config is left alone
    assert protocol.card(Workspace(model, tmp_path), ('joint',)).schedule['backbone'] == dict(num_layers=2)


@pytest.mark.parametrize('kind', ['SkeletonTransformer', 'ClassTokenTransformer'])
def test_transformers_of_tokens_are_fine_tuned_joint_by_joint_and_layer_by_layer(
    store, make_checkpoint, tmp_path, kind
):
    backbone = dict(type=kind, segment_length=4, num_frames=8, width=8, num_layers=2, num_heads=2)
    path = make_checkpoint(pretraining(store, backbone, modalities=['joint']))
    model, protocol = read_pretrained(path), short('finetune-mamp', **{'model.head.hidden_channels': 8})
    cfg = protocol.config(model, 'joint', 0)
    classifier = MODELS.build(model_config(cfg))
    assert classifier.backbone.pooling == 'joints' and classifier.head.hidden.in_features == 20 * 8
    assert classifier.backbone.token_dropout.p == 0.3
    assert classifier.backbone.blocks[-1].drop_path.drop_prob == pytest.approx(0.3)
    classifier.init_weights()
    before = torch.load(path)['state_dict']
    taken = classifier.backbone.state_dict()
    assert all(torch.equal(value, before[f'encoder.joint.backbone.{key}']) for key, value in taken.items())
    groups = build_optim_wrapper(classifier, cfg.optim_wrapper).optimizer.param_groups
    assert {round(group['lr'], 10) for group in groups} == {round(3e-4 * 0.8**power, 10) for power in range(4)}
    result = protocol.run(Workspace(model, tmp_path), ('joint',))
    assert result.card.schedule['backbone'] == dict(pool='joints', token_dropout=0.3, drop_path=0.3)


def test_rates_are_scaled_with_the_length(model):
    cfg = load_protocol('finetune-mamp').full_length(model)
    assert cfg.train_cfg.max_epochs == 500  # two steps an epoch: 1,000
    warm_up, fall = cfg.param_scheduler
    assert (warm_up.end, fall.begin, fall.end, fall.T_max) == (25, 25, 500, 475)
    warm_up, fall = with_epochs(cfg, 3).param_scheduler
    assert (warm_up.end, fall.begin, fall.end, fall.T_max) == (1, 1, 3, 3)


def test_semi_supervised_and_transfer_use_the_same_recipe(model):
    with pytest.raises(ConfigError, match='needs other data'):
        load_protocol('transfer-mamp').check(model)
    semi, all_labels = (load_protocol(name).cfg for name in ('semi10-mamp', 'finetune-mamp'))
    for key in ('model', 'optim_wrapper', 'param_scheduler'):
        assert semi[key] == all_labels[key]
    assert semi.protocol.percent == 10


def test_probes_on_features_refuse_another_head(model, tmp_path):
    options = {'model.head': dict(type='MLPHead')}
    with pytest.raises(ConfigError, match='leave model.head out'):
        load_protocol('linear-fast', {'linear-fast': options}).run(Workspace(model, tmp_path), ('joint',))


def test_the_probe_on_features_is_the_same_recipe_on_other_crops(model, tmp_path):
    names = ('linear-mamp-fast', 'linear-mamp')
    fast, exact = (load_protocol(name).card(Workspace(model, tmp_path), ('joint',)) for name in names)
    assert fast.unlike(exact) == ['train_crop'] and 'RandomRotation' in fast.train_crop
    short_one = load_protocol('linear-mamp-fast', {'linear-mamp-fast': {'protocol.seeds': [0]}})
    result = short_one.run(Workspace(model, tmp_path), ('joint',))
    assert result.metrics['top1'].values[0] > 60  # planted, also in features of a random encoder


def test_references_by_coordinates_keep_the_rate_where_features_are_normalized():
    probes = [load_protocol(name) for name in ('linear-mamp-fast', 'linear-fast')]
    rates = [_for_coordinates(probe).cfg.optim_wrapper.optimizer.lr for probe in probes]
    assert rates == [0.1, 0.01]
    assert [step.name for step in cheap_forms(load_protocol('linear-mamp'), load_protocol)] == ['linear-mamp-fast']
