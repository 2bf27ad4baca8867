import pytest
import torch
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmskelssl.engine.optim.layer_decay_constructor import layer_factors
from mmskelssl.utils.errors import ConfigError


class Layered(nn.Module):
    num_layers = 3

    def __init__(self):
        super().__init__()
        self.embedding = nn.Linear(3, 4)
        self.positions = nn.Parameter(torch.zeros(5, 4))
        self.blocks = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
        self.norm = nn.LayerNorm(4)

    def layer_of(self, name):
        if name.startswith('blocks.'):
            return int(name.split('.')[1]) + 1
        return self.num_layers if name.startswith('norm.') else 0


class Model(nn.Module):
    def __init__(self, backbone=Layered):
        super().__init__()
        self.backbone = backbone()
        self.head = nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2))


def optimizer_of(model, **paramwise):
    cfg = dict(
        type='OptimWrapper',
        optimizer=dict(type='AdamW', lr=0.1, weight_decay=0.5),
        constructor='mmskelssl.LayerDecayConstructor',
        paramwise_cfg=paramwise,
    )
    return build_optim_wrapper(model, cfg).optimizer


def settings(model, optimizer):
    found = {id(p): (group['lr'], group['weight_decay']) for group in optimizer.param_groups for p in group['params']}
    return {name: found[id(p)] for name, p in model.named_parameters()}


def test_rates_fall_towards_the_input():
    model = Model()
    rates = {name: lr for name, (lr, _) in settings(model, optimizer_of(model, layer_decay=0.5)).items()}
    assert rates == {
        'backbone.positions': pytest.approx(0.0125),
        'backbone.embedding.weight': pytest.approx(0.0125),
        'backbone.embedding.bias': pytest.approx(0.0125),
        'backbone.blocks.0.weight': pytest.approx(0.025),
        'backbone.blocks.0.bias': pytest.approx(0.025),
        'backbone.blocks.1.weight': pytest.approx(0.05),
        'backbone.blocks.1.bias': pytest.approx(0.05),
        'backbone.norm.weight': pytest.approx(0.1),
        'backbone.norm.bias': pytest.approx(0.1),
        'head.0.weight': pytest.approx(0.1),
        'head.0.bias': pytest.approx(0.1),
        'head.1.weight': pytest.approx(0.1),
        'head.1.bias': pytest.approx(0.1),
    }


def test_biases_and_vectors_need_not_decay_but_tables_do():
    model = Model()
    optimizer = optimizer_of(model, layer_decay=0.8, bias_decay_mult=0.0, norm_decay_mult=0.0, flat_decay_mult=0.0)
    decays = {name: decay for name, (_, decay) in settings(model, optimizer).items()}
    vectors = {name for name, p in model.named_parameters() if p.ndim == 1}
    assert {name for name, decay in decays.items() if decay == 0} == vectors
    assert all(decay == 0.5 for name, decay in decays.items() if name not in vectors)


def test_parameters_of_the_same_settings_share_a_group():
    model = Model()
    optimizer = optimizer_of(model, layer_decay=0.5)
    assert sorted(group['lr'] for group in optimizer.param_groups) == pytest.approx([0.0125, 0.025, 0.05, 0.1])
    assert sum(len(group['params']) for group in optimizer.param_groups) == len(list(model.parameters()))


def test_other_multipliers_stay():
    model = Model()
    optimizer = optimizer_of(
        model, layer_decay=0.5, custom_keys={'blocks.0': dict(lr_mult=10.0), 'head': dict(lr_mult=2)}
    )
    rates = {name: lr for name, (lr, _) in settings(model, optimizer).items()}
    assert rates['backbone.blocks.0.weight'] == pytest.approx(0.25) and rates['head.0.bias'] == pytest.approx(0.2)


def test_a_backbone_that_does_not_tell_its_layers_learns_at_the_full_rate():
    model = Model(lambda: nn.Linear(3, 4))
    assert layer_factors(model, 0.5) == {}
    assert {lr for lr, _ in settings(model, optimizer_of(model, layer_decay=0.5)).values()} == {0.1}


@pytest.mark.parametrize('paramwise', [{}, dict(layer_decay=0.0), dict(layer_decay=1.1)])
def test_a_decay_that_is_none_is_refused(paramwise):
    with pytest.raises(ConfigError, match='layer_decay=.* is not within'):
        optimizer_of(Model(), **paramwise)
