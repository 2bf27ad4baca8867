"""What a run is, in the few lines that matter."""

from __future__ import annotations

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmskelssl.datasets import SkeletonDataset
from mmskelssl.engine.hooks.setup_check_hook import total_batch
from mmskelssl.models.distributed import unwrap_model
from mmskelssl.registry import HOOKS


@HOOKS.register_module()
class RunSummaryHook(Hook):
    """Says config, data, model, batches and log where a run starts."""

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        loader = runner.train_dataloader
        total, factors = total_batch(runner, get_world_size())
        start = f', going on from {runner.iter}' if runner.iter else ''
        text = f'total batch {total} ({factors}), {len(loader)} iterations per epoch, {runner.max_iters} in all{start}'
        self._say(runner, loader, text)

    def before_test(self, runner: Runner) -> None:
        self._say(runner, runner.test_loop.dataloader, f'checkpoint {runner._load_from or "none: random weights"}')

    def _say(self, runner: Runner, loader: DataLoader, more: str) -> None:
        model, dataset = unwrap_model(runner.model), loader.dataset
        size = sum(parameter.numel() for parameter in model.parameters())
        data = f'{len(dataset)} samples'  # type: ignore[arg-type]  # torch leaves lengths out
        if isinstance(dataset, SkeletonDataset):
            store, persons = dataset.store, dataset.store.num_persons[dataset.indices].max()
            data = (
                f'{store.path}: {len(dataset)} clips, {len(store.classes)} classes, up to {persons} '
                f'persons of {dataset.layout.name}'
            )
        streams = getattr(model, 'streams', None) or [getattr(model, 'modality', '')]
        for line in (
            f'config: {runner.cfg.filename}',
            f'data:   {data}',
            f'model:  {type(model).__name__} on {", ".join(streams)}, {size:,} parameters',
            f'run:    {more}',
            f'log:    {runner.log_dir}',
        ):
            runner.logger.info(line)
