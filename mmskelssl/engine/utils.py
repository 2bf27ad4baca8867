"""What several hooks need."""

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.model import is_model_wrapper
from torch import nn


def unwrap_model(model: nn.Module) -> nn.Module:
    """The model inside a distributed wrapper, or the model itself."""
    return model.module if is_model_wrapper(model) else model


def any_rank(flag: bool) -> bool:
    """Whether it is so on at least one process. All of them have to ask."""
    if get_world_size() == 1:
        return flag
    flags = torch.tensor(float(flag))
    all_reduce(flags, op='max')
    return bool(flags)
