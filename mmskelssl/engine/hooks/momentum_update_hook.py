"""The model is told what comes: the epoch, and the next update."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmskelssl.models import SkeletonModel
from mmskelssl.models.distributed import unwrap_model
from mmskelssl.registry import HOOKS


@HOOKS.register_module()
class MomentumUpdateHook(Hook):
    """Calls ``model.before_update()`` before the step, where momentum encoders move as in the official programs.

    With gradient accumulation, once for each update of the parameters, before the first of its batches. It sets
    ``model.epoch`` too, counted from 0: how often the data was gone through, in loops by iteration as well; and
    ``model.updates`` and ``model.max_updates``.
    """

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        model = unwrap_model(runner.model)
        batches = getattr(runner.optim_wrapper, '_accumulative_counts', 1)
        model.updates, model.max_updates = runner.iter // batches, -(-runner.max_iters // batches)
        model.epoch = max(runner.epoch, runner.iter // len(runner.train_dataloader))
        # True here: the iteration before this one finished an update, or there was none.
        if isinstance(model, SkeletonModel) and runner.optim_wrapper.should_update():
            model.before_update()
