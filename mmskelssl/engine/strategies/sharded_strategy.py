"""Encoders that are larger than a GPU."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial

import torch
from mmengine._strategy import FSDPStrategy
from torch import nn
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.distributed.fsdp.wrap import lambda_auto_wrap_policy

from mmskelssl.engine.console import quieten
from mmskelssl.models.distributed import synchronize_batch_norm
from mmskelssl.models.encoder import Encoder
from mmskelssl.registry import STRATEGIES


@STRATEGIES.register_module()
class ShardedStrategy(FSDPStrategy):
    """Parameters, gradients and optimizer states shared out over processes (FSDP), batch statistics of all of them.

    Every block of every encoder is a unit: its parameters are gathered while it runs, and only then. Momentum encoders
    are cut as those that they follow, so that each process updates its own shards of them. Units are those of the
    :class:`~mmskelssl.models.encoder.Encoder` modules of any method; other parameters are one more unit, the model.

    Losses are averaged over processes, so shares of a batch have to be equal (``train_dataloader.drop_last``). Losses
    of the total batch, the same on every process, come out right too.

    Args:
        state_dict_cfg: ``full`` writes the checkpoints that any other run writes, ``local`` one file a process.
        **kwargs: Of :class:`mmengine._strategy.FSDPStrategy`.
    """

    def __init__(self, *, state_dict_cfg: str | dict = 'full', **kwargs) -> None:
        super().__init__(state_dict_cfg=state_dict_cfg, **kwargs)
        if not torch.cuda.is_available():
            # What is on the CPU already is not copied by offloading, and would be freed while it is written.
            self.state_dict_config.offload_to_cpu = self.optim_state_dict_config.offload_to_cpu = False

    def build_logger(self, *args, **kwargs) -> logging.Logger:
        return quieten(super().build_logger(*args, **kwargs))

    def load_model_state_dict(self, state_dict: dict, *, strict: bool = True, **kwargs) -> None:
        """Takes the weights of exactly this model."""
        super().load_model_state_dict(state_dict, strict=True, **kwargs)

    def load_optim_state_dict(self, state_dict: dict) -> None:
        """Gives every process its part. MMEngine 0.10 passes torch's arguments in the order of an older torch."""
        optimizer = self.optim_wrapper.optimizer
        part = FullyShardedDataParallel.optim_state_dict_to_load(self.model, optimizer, state_dict)
        self.optim_wrapper.load_state_dict(part)

    def _wrap_model(self, model: nn.Module) -> nn.Module:
        on_gpu = torch.cuda.is_available()
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model) if on_gpu else synchronize_batch_norm(model)
        units = set(sharded_units(model))
        policy = partial(lambda_auto_wrap_policy, lambda_fn=units.__contains__)
        # MMEngine fills in the process' GPU.
        self.model_wrapper = dict(auto_wrap_policy=policy, **({} if on_gpu else dict(device_id='cpu')))
        return super()._wrap_model(model)


def sharded_units(model: nn.Module) -> Iterator[nn.Module]:
    """Modules of the encoders that run as a whole and have parameters: the blocks of the backbones, and the necks."""
    for encoder in model.modules():
        if isinstance(encoder, Encoder):
            necks = encoder.neck.values() if isinstance(encoder.neck, nn.ModuleDict) else [encoder.neck]
            yield from (unit for unit in [*necks, *_blocks(encoder.backbone)] if any(True for _ in unit.parameters()))


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    for child in module.children():
        if isinstance(child, (nn.ModuleList, nn.Sequential)):
            yield from _blocks(child)
        else:
            yield child
