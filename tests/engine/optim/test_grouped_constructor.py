import torch
from mmengine.optim import build_optim_wrapper
from torch import nn


def trained(constructor: str) -> tuple[nn.Module, list[dict]]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    cfg = dict(
        type='OptimWrapper',
        optimizer=dict(type='AdamW', lr=0.1, weight_decay=0.5),
        constructor=constructor,
        paramwise_cfg=dict(bias_decay_mult=0.0, norm_decay_mult=0.0, custom_keys={'2.weight': dict(lr_mult=0.2)}),
    )
    wrapper = build_optim_wrapper(model, cfg)
    for _ in range(3):
        wrapper.update_params(model(torch.ones(5, 3)).square().sum())
    return model, wrapper.optimizer.param_groups


def test_updates_are_those_of_single_parameters():
    single, apart = trained('DefaultOptimWrapperConstructor')
    model, groups = trained('mmskelssl.GroupedConstructor')
    assert len(apart) == 6 and sorted(len(group['params']) for group in groups) == [1, 1, 4]
    for name, value in single.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name
