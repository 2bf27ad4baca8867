"""Keys enter the memory bank after the step."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.dist import all_gather
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from mmskelssl.models.distributed import unwrap_model
from mmskelssl.registry import HOOKS


@HOOKS.register_module()
class QueueEnqueueHook(Hook):
    """Gathers the keys of all ranks and enqueues them in ``model.bank``, the same on every rank.

    The official programs of CMD and MMCV enqueue their own rank's keys only, so that their negatives change with the
    number of GPUs.

    With gradient accumulation the keys of all batches are enqueued after the update they belong to, so that every one
    of them is compared with the same bank.

    Keys emptied until then mean that the update was skipped (``FiniteCheckHook``): nothing of it is enqueued.
    """

    def __init__(self) -> None:
        self._pending: list[dict[str, Tensor]] = []

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        model = unwrap_model(runner.model)
        self._pending.append(model.keys)
        if not runner.optim_wrapper.should_update():
            return
        batches, self._pending = self._pending, []
        if not model.keys:
            return
        model.bank.enqueue({name: torch.cat([gather_rows(batch[name]) for batch in batches]) for name in model.keys})


def gather_rows(rows: Tensor) -> Tensor:
    """Rows (n, D) of every rank, as many as the ranks before have or one fewer, in the order (N, D) of one process.

    Samplers deal clips out in turn, so that row i of the total batch is row i // ranks of rank i % ranks.
    """
    counts = [int(count) for count in all_gather(torch.tensor(len(rows), device=rows.device))]
    padded = F.pad(rows, (0, 0, 0, max(counts) - len(rows)))
    return torch.stack(all_gather(padded.contiguous()), 1).flatten(0, 1)[: sum(counts)]
