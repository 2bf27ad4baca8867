"""Model, data and checkpoint are checked against each other before hours are spent."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.utils.data import Dataset

from mmskelssl.datasets import SkeletonDataset
from mmskelssl.models import SkeletonModel
from mmskelssl.models.distributed import unwrap_model
from mmskelssl.registry import HOOKS
from mmskelssl.utils.checkpoints import check_weights


@HOOKS.register_module()
class SetupCheckHook(Hook):
    """Stops a run that cannot be right, with the config key to change.

    Before training, validation and test the model checks the data; after a checkpoint was read, its weights have to be
    exactly those of the model.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        _check_data(runner, runner.train_dataloader.dataset)

    def before_val(self, runner: Runner) -> None:
        _check_data(runner, runner.val_loop.dataloader.dataset)

    def before_test(self, runner: Runner) -> None:
        _check_data(runner, runner.test_loop.dataloader.dataset)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Raises a CheckpointError if the weights are of another architecture."""
        if isinstance(runner.model, FullyShardedDataParallel):
            return  # a process has shards only; ShardedStrategy takes nothing but the model's weights
        weights = checkpoint.get('state_dict', checkpoint)
        check_weights(weights, unwrap_model(runner.model), 'The checkpoint')


def _check_data(runner: Runner, dataset: Dataset) -> None:
    model = unwrap_model(runner.model)
    if isinstance(model, SkeletonModel) and isinstance(dataset, SkeletonDataset):
        model.check_data(dataset)
