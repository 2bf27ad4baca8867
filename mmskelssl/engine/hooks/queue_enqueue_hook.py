"""The model is told that its parameters were updated."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from mmskelssl.models import SkeletonModel
from mmskelssl.models.distributed import gather_rows, unwrap_model
from mmskelssl.registry import HOOKS


@HOOKS.register_module()
class QueueEnqueueHook(Hook):
    """Calls ``model.after_update(batches)`` after the step, where keys enter a memory bank.

    What the model wants to have is gathered over all ranks, so that it is the same on every rank. (The official
    programs of CMD and MMCV enqueue their own rank's keys only: their negatives change with the number of GPUs.)

    With gradient accumulation, all batches are handed over after the update they belong to, so that every one of them
    is compared with the same bank.
    """

    def __init__(self) -> None:
        self._pending: list[dict[str, Tensor]] = []

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        model = unwrap_model(runner.model)
        if not isinstance(model, SkeletonModel):
            return
        self._pending.append(model.to_enqueue())
        if runner.optim_wrapper.should_update():
            batches, self._pending = self._pending, []
            model.after_update([{name: gather_rows(rows) for name, rows in batch.items()} for batch in batches])
