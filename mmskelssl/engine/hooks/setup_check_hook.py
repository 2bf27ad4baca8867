"""Model, data and checkpoint are checked against each other before hours are spent."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeGuard

import numpy as np
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.utils.data import DataLoader, Dataset

from mmskelssl.datasets import SkeletonDataset
from mmskelssl.datasets.sampler import ClipRequest
from mmskelssl.models import SkeletonClassifier, SkeletonModel
from mmskelssl.models.distributed import unwrap_model
from mmskelssl.registry import HOOKS
from mmskelssl.utils.checkpoints import check_weights
from mmskelssl.utils.errors import ConfigError


@HOOKS.register_module()
class SetupCheckHook(Hook):
    """Stops a run that cannot be right, with the config key to change.

    Before training, validation and test, model, data and loaders are checked against each other, before training those
    of the later validation too; after a checkpoint was read, its weights have to be exactly those of the model.

    Args:
        processes: Of the run to check, by default this one.
    """

    priority = 'VERY_HIGH'

    def __init__(self, processes: int | None = None) -> None:
        self.processes = processes

    def before_train(self, runner: Runner) -> None:
        """Raises a ConfigError if training, or the validation between, cannot be right."""
        model, loader = unwrap_model(runner.model), runner.train_dataloader
        if not _is_checked(model, loader.dataset):
            return
        model.check_data(loader.dataset)
        _check_sampler(loader)
        processes = self.processes or get_world_size()
        check_length(loader, processes)
        _check_last_batch(model, loader, processes)
        _check_custom_keys(runner)
        if isinstance(model, SkeletonClassifier):
            _check_classes('train_dataloader', loader.dataset.labels)
        total, factors = total_batch(runner, processes)
        model.check_batch(total, factors)
        for remark in model.remarks(loader.dataset):
            runner.logger.warning(remark)
        if runner.val_loop is not None:
            _check_evaluation(runner, 'val', runner.val_loop)

    def before_val(self, runner: Runner) -> None:
        # Within a training it was checked where that began.
        if not isinstance(runner._train_loop, BaseLoop):
            _check_evaluation(runner, 'val', runner.val_loop)

    def before_test(self, runner: Runner) -> None:
        _check_evaluation(runner, 'test', runner.test_loop)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Raises a CheckpointError if the weights are of another architecture."""
        if isinstance(runner.model, FullyShardedDataParallel):
            return  # a process has shards only; ShardedStrategy takes nothing but the model's weights
        weights = checkpoint.get('state_dict', checkpoint)
        check_weights(weights, unwrap_model(runner.model), 'The checkpoint')


def total_batch(runner: Runner, processes: int) -> tuple[int, str]:
    """Clips of an update of the parameters, and the factors of this number."""
    batch = runner.train_dataloader.batch_size
    accumulated = getattr(runner.optim_wrapper, '_accumulative_counts', 1)
    return batch * processes * accumulated, f'{batch} x {processes} processes x {accumulated} accumulated'


def _is_checked(model: object, dataset: Dataset) -> TypeGuard[SkeletonModel]:
    return isinstance(model, SkeletonModel) and isinstance(dataset, SkeletonDataset)


def _check_evaluation(runner: Runner, stage: str, loop: BaseLoop) -> None:
    model, queries = unwrap_model(runner.model), loop.dataloader.dataset
    if not _is_checked(model, queries):
        return
    gallery = getattr(loop, 'gallery_dataloader', None)
    loaders = {f'{stage}_dataloader': loop.dataloader, f'{stage}_cfg.gallery_dataloader': gallery}
    for key, loader in loaders.items():
        if loader is not None:
            model.check_data(loader.dataset)
            if loader.drop_last:
                raise ConfigError(f'{key}.drop_last leaves out clips that are to be evaluated: set it to False.')
    seen = {'training clips': runner.train_dataloader.dataset} if isinstance(runner._train_loop, BaseLoop) else {}
    if gallery is None:
        _check_classes(f'{stage}_dataloader', range(len(queries.store.classes)))
    else:
        seen['clips of the gallery'] = gallery.dataset
        _check_classes(f'{stage}_cfg.gallery_dataloader', gallery.dataset.labels)
        for k in [metric.k for metric in loop.evaluator.metrics if hasattr(metric, 'k')]:
            if k > len(gallery.dataset):
                raise ConfigError(
                    f'{stage}_evaluator.k={k} neighbours in a gallery of {len(gallery.dataset)} clips: lower it.'
                )
    for what, known in seen.items():
        if number := _overlap(queries, known):
            runner.logger.warning(
                f'{stage}_dataloader: {number} of its {len(queries)} clips are {what} too, so that its numbers say '
                'little of new clips. Take another split.'
            )
            break


def _check_sampler(loader: DataLoader) -> None:
    """Other samplers than ClipSampler yield bare positions, so that every epoch has the same views."""
    batch: Iterable = next(iter(loader.batch_sampler), []) if loader.batch_sampler else loader.sampler
    if not all(isinstance(request, ClipRequest) for request in batch):
        kind = type(getattr(loader.batch_sampler, 'sampler', loader.sampler)).__name__
        raise ConfigError(
            f'train_dataloader.sampler: {kind} does not tell clips the epoch and the seed, so that every epoch would '
            "show the same views. Set train_dataloader.sampler=dict(_delete_=True, type='ClipSampler', shuffle=True)."
        )


def check_length(loader: DataLoader, processes: int) -> None:
    """Raises a ConfigError if an epoch has no batch."""
    clips, batch = len(loader.dataset), loader.batch_size  # type: ignore[arg-type]  # torch leaves lengths out
    if loader.drop_last and math.ceil(clips / processes) < batch:
        raise ConfigError(
            f'train_dataloader: an epoch has no batch, since drop_last is set and {clips} clips, shared by {processes} '
            f'processes, do not fill one of {batch}. Lower batch_size, or set drop_last=False.'
        )


def _check_last_batch(model: SkeletonModel, loader: DataLoader, processes: int) -> None:
    total = loader.batch_size * processes
    clips = len(loader.dataset)  # type: ignore[arg-type]  # torch leaves lengths out
    last = 0 if loader.drop_last else clips % total
    if (last or total) < model.min_batch:
        raise ConfigError(
            f'train_dataloader: the last batch of an epoch has {last or total} clips, {type(model).__name__} needs '
            f'{model.min_batch}. Set drop_last=True, or another batch_size.'
        )


def _check_custom_keys(runner: Runner) -> None:
    """MMEngine looks for them in the names of parameters, and is silent about those that it does not find."""
    wrapper = runner.cfg.get('optim_wrapper') or {}
    names = [name for name, parameter in unwrap_model(runner.model).named_parameters() if parameter.requires_grad]
    for key in (wrapper.get('paramwise_cfg') or {}).get('custom_keys', ()):
        if not any(key in name for name in names):
            raise ConfigError(
                f"optim_wrapper.paramwise_cfg.custom_keys: no parameter that learns has '{key}' in its name. There are "
                f'{names[0]} ... {names[-1]}.'
            )


def _check_classes(key: str, labels: Sequence[int]) -> None:
    if len(np.unique(labels)) < 2:
        raise ConfigError(
            f'{key}: all clips are of one class, so that every answer is right. Take clips of several classes; to '
            'pre-train without labels, set val_cfg = val_dataloader = val_evaluator = None.'
        )


def _overlap(one: Dataset, other: Dataset) -> int:
    """How many clips of a data set are also in another."""
    if not isinstance(one, SkeletonDataset) or not isinstance(other, SkeletonDataset):
        return 0
    is_same = one.store.path.resolve() == other.store.path.resolve()
    return len(np.intersect1d(one.indices, other.indices)) if is_same else 0
