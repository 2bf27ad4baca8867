"""Model, data and checkpoint are checked against each other before hours are spent."""

from __future__ import annotations

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.distributed.fsdp import FullyShardedDataParallel

from mmskelssl.datasets import SkeletonDataset
from mmskelssl.models.distributed import unwrap_model
from mmskelssl.registry import HOOKS
from mmskelssl.utils.checkpoints import check_weights


@HOOKS.register_module()
class SetupCheckHook(Hook):
    """Stops a run that cannot be right, with the config key to change.

    Before training: the data's layout is the model's, the classifier has the data's classes, and a total batch of keys
    fits into the memory bank. After a checkpoint was read: its weights are those of the model.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        """Raises a ValueError that names the config keys."""
        model, loader = unwrap_model(runner.model), runner.train_dataloader
        check_data(model, loader.dataset)
        if hasattr(model, 'bank'):
            accumulated = runner.optim_wrapper._accumulative_counts
            total = loader.batch_size * get_world_size() * accumulated
            if total > model.bank.size:
                raise ValueError(
                    f'model.queue_size={model.bank.size} is smaller than a total batch of {total} keys '
                    f'({loader.batch_size} x {get_world_size()} processes x {accumulated} accumulated): raise '
                    'model.queue_size or lower train_dataloader.batch_size.'
                )

    def before_val(self, runner: Runner) -> None:
        check_data(unwrap_model(runner.model), runner.val_loop.dataloader.dataset)

    def before_test(self, runner: Runner) -> None:
        check_data(unwrap_model(runner.model), runner.test_loop.dataloader.dataset)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Raises a CheckpointError if the weights are of another architecture."""
        if isinstance(runner.model, FullyShardedDataParallel):
            return  # a process has shards only; ShardedStrategy takes nothing but the model's weights
        weights = checkpoint.get('state_dict', checkpoint)
        check_weights(weights, unwrap_model(runner.model), 'The checkpoint')


def check_data(model, dataset) -> None:
    """Raises a ValueError if the dataset's skeletons or classes are not those that the model is made for.

    Datasets of another kind than ours are not looked at.
    """
    if not isinstance(dataset, SkeletonDataset):
        return
    if dataset.layout != model.layout:
        raise ValueError(
            f"{dataset.store.path} has layout '{dataset.layout.name}', the model '{model.layout.name}': set "
            "model.layout to the data's (the backbone's layout or num_joints too)."
        )
    classes = len(dataset.store.classes)
    head = getattr(model, 'head', None)
    if head is not None and head.num_classes != classes:
        raise ValueError(
            f'{dataset.store.path} has {classes} classes, but model.head.num_classes={head.num_classes}: set it to '
            f'{classes}.'
        )
