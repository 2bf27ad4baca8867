"""One batch on many processes, with the losses, gradients and batch statistics of one process."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.distributed as dist
from mmengine.dist import all_gather, all_reduce, all_reduce_dict, get_rank, get_world_size
from mmengine.model import MMDistributedDataParallel, is_model_wrapper
from mmengine.optim import OptimWrapper
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmskelssl.registry import MODEL_WRAPPERS


@MODEL_WRAPPERS.register_module()
class BatchSplitDataParallel(MMDistributedDataParallel):
    """Data parallel training that gives what one process with the total batch gives.

    Plain data parallelism averages over processes, each with batch statistics of its own. Here losses are averaged over
    clips, also where the processes' shares of the last batch differ or one has none, batch statistics are those of the
    total batch, and the losses that are logged are those of the total batch too.

    Args:
        module: The model; its losses are means over the batch, or the same on all processes (:func:`gather_clips`).
        sync_batch_norm: Whether batch statistics are taken over all processes.
        device_ids: The process' GPU; ignored where the model is on a CPU.
        **kwargs: Of :class:`torch.nn.parallel.DistributedDataParallel`.
    """

    def __init__(
        self, module: nn.Module, sync_batch_norm: bool = True, device_ids: list[int] | None = None, **kwargs
    ) -> None:
        on_cpu = next(module.parameters()).device.type == 'cpu'
        if sync_batch_norm:
            module = synchronize_batch_norm(module) if on_cpu else nn.SyncBatchNorm.convert_sync_batchnorm(module)
        super().__init__(module, device_ids=None if on_cpu else device_ids, broadcast_buffers=False, **kwargs)

    def forward(
        self, inputs: Sequence[Tensor] | Tensor, data_samples: dict | None = None, mode: str = 'tensor'
    ) -> dict[str, Tensor] | list[dict]:
        """The model's own; losses are weighted by how many clips the process has, so that their mean over processes is
        the mean over clips.
        """
        outputs = super().forward(inputs, data_samples, mode=mode)
        if mode != 'loss':
            return outputs
        count = len(inputs[0])
        total = next(iter(outputs.values())).new_tensor(count)
        all_reduce(total)
        weight = count * get_world_size() / total
        if not count:
            # The mean over no clips is no number; its gradient is zero everywhere.
            outputs = {name: value.nan_to_num(0.0) for name, value in outputs.items()}
        return {name: value * weight for name, value in outputs.items()}

    def train_step(self, data: dict, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """One step; gives the losses of the total batch for the log."""
        logged = {name: value.detach().clone() for name, value in super().train_step(data, optim_wrapper).items()}
        all_reduce_dict(logged, 'mean')
        return logged


def gather_rows(rows: Tensor) -> Tensor:
    """Rows (n, ...) of every rank, as many as the ranks before have or one fewer, in the order (N, ...) of one process.

    Samplers deal clips out in turn, so that row i of the total batch is row i // ranks of rank i % ranks.
    """
    if get_world_size() == 1:
        return rows
    counts = [int(count) for count in all_gather(torch.tensor(len(rows), device=rows.device))]
    padded = torch.cat([rows, rows.new_zeros(max(counts) - len(rows), *rows.shape[1:])])
    return torch.stack(all_gather(padded.contiguous()), 1).flatten(0, 1)[: sum(counts)]


def own_rows(rows: Tensor) -> Tensor:
    """Rows (n, ...) of this rank out of those of all (N, ...): what undoes :func:`gather_rows`."""
    return rows[get_rank() :: get_world_size()]


def gather_clips(x: Tensor) -> Tensor:
    """:func:`gather_rows` with a gradient, for losses that are not means over clips: every rank computes the same loss.

    Gradients of all ranks come back to the rank that a row is from; data parallelism takes their mean, which is the
    gradient of the loss on one process.
    """
    return x if get_world_size() == 1 else _GatherClips.apply(x)


class _GatherClips(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return gather_rows(x.detach())

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        gradient = gradient.contiguous().clone()
        dist.all_reduce(gradient)
        return own_rows(gradient)


def synchronize_batch_norm(module: nn.Module) -> nn.Module:
    """Turns every batch normalization in a module into a :class:`CPUSyncBatchNorm`, in place."""
    for child in module.modules():
        if isinstance(child, _BatchNorm):
            # Parameters, buffers and settings are the same; only the way to the statistics is another.
            child.__class__ = CPUSyncBatchNorm
    return module


class CPUSyncBatchNorm(_BatchNorm):
    """Batch normalization over the clips of all processes; torch's own, ``SyncBatchNorm``, does not run on CPUs."""

    def _check_input_dim(self, input: Tensor) -> None:
        """Takes (N, C) and (N, C, ...)."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalizes (N, C, ...)."""
        if not self.training or get_world_size() == 1:
            return super().forward(x)
        dtype, x = x.dtype, x if x.dtype == torch.float64 else x.float()
        dims = [0, *range(2, x.ndim)]
        sums = _SumOverProcesses.apply(torch.cat([x.sum(dims), x.new_tensor([x.numel() // x.shape[1]])]))
        count, mean = sums[-1], sums[:-1] / sums[-1]
        centred = x - _per_channel(mean, x)
        variance = _SumOverProcesses.apply(centred.square().sum(dims)) / count
        self._track(mean, variance, count)
        scale = (variance + self.eps).rsqrt()
        if self.affine:
            return (centred * _per_channel(scale * self.weight, x) + _per_channel(self.bias, x)).to(dtype)
        return (centred * _per_channel(scale, x)).to(dtype)

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        if not self.track_running_stats:
            return
        self.num_batches_tracked.add_(1)
        momentum = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance * count / (count - 1), momentum)


def _per_channel(values: Tensor, like: Tensor) -> Tensor:
    return values.view(-1, *[1] * (like.ndim - 2))


class _SumOverProcesses(torch.autograd.Function):
    """Sum over processes, whose losses are summed as well: gradients of all of them come back to each."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        gradient = gradient.clone()
        dist.all_reduce(gradient)
        return gradient


def unwrap_model(model: nn.Module) -> nn.Module:
    """The model inside a distributed wrapper, or the model itself."""
    return model.get_submodule('module') if is_model_wrapper(model) else model


def any_rank(flag: bool) -> bool:
    """Whether the flag is set on at least one process. All processes have to call this."""
    if get_world_size() == 1:
        return flag
    flags = torch.tensor(float(flag))
    all_reduce(flags, op='max')
    return bool(flags)
