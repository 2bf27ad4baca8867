"""Loops that show the evaluator a gallery before the queries."""

from __future__ import annotations

import torch
from mmengine.dist import is_main_process
from mmengine.evaluator import Evaluator
from mmengine.runner import BaseLoop, Runner, TestLoop, ValLoop
from torch.utils.data import DataLoader

from mmskelssl.registry import LOOPS
from mmskelssl.utils.errors import ConfigError
from mmskelssl.utils.progress import track


class _GalleryMixin(BaseLoop):
    """Encodes the gallery, then runs the loop it is mixed into.

    Every output gets a column ``in_gallery`` (N,) bool.

    Args:
        runner: The runner.
        dataloader: Loader of the queries (the test side).
        evaluator: Evaluator with metrics that compare queries with a gallery.
        gallery_dataloader: Loader of the gallery, not augmented. What it does not say is that of the queries' loader,
            and of the data set of ``train_dataloader``.

    Raises:
        ConfigError: If neither says which clips are the gallery.
    """

    stage: str

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        evaluator: Evaluator | dict | list,
        gallery_dataloader: dict | None = None,
    ) -> None:
        super().__init__(runner, dataloader, evaluator)
        self.gallery_dataloader = runner.build_dataloader(
            _completed(gallery_dataloader or {}, dataloader, runner.cfg.get('train_dataloader') or {}), seed=runner.seed
        )

    def run(self) -> dict:
        # Hooks such as EMAHook exchange the weights before the epoch: gallery and queries are encoded by the same ones.
        call_hook = self.runner.call_hook
        call_hook(f'before_{self.stage}')
        call_hook(f'before_{self.stage}_epoch')
        self.runner.model.eval()
        batches = self.gallery_dataloader
        if is_main_process():
            batches = track(batches, len(batches), 'Encoding the gallery')
        for data_batch in batches:
            outputs = self._process(data_batch, in_gallery=True)
            call_hook('after_gallery_iter', loader=self.gallery_dataloader, outputs=outputs)
        for idx, data_batch in enumerate(self.dataloader):
            self.run_iter(idx, data_batch)
        metrics = self.evaluator.evaluate(len(self.dataloader.dataset))
        call_hook(f'after_{self.stage}_epoch', metrics=metrics)
        call_hook(f'after_{self.stage}')
        return metrics

    def run_iter(self, idx: int, data_batch: dict) -> None:
        self.runner.call_hook(f'before_{self.stage}_iter', batch_idx=idx, data_batch=data_batch)
        outputs = self._process(data_batch, in_gallery=False)
        self.runner.call_hook(f'after_{self.stage}_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs)

    @torch.no_grad()
    def _process(self, data_batch: dict, in_gallery: bool) -> list[dict]:
        outputs = self.runner.model.test_step(data_batch)
        for output in outputs:
            output['in_gallery'] = torch.full_like(output['index'], in_gallery, dtype=torch.bool)
        self.evaluator.process(data_samples=outputs, data_batch=data_batch)
        return outputs


def _completed(gallery: dict, queries: DataLoader | dict, train: dict) -> dict:
    dataset = {**(train.get('dataset') or {}), **(gallery.get('dataset') or {})}
    if not dataset:
        raise ConfigError('There is no gallery: set gallery_dataloader.dataset of val_cfg and test_cfg.')
    return {**(queries if isinstance(queries, dict) else {}), **gallery, 'dataset': dataset}


@LOOPS.register_module()
class GalleryValLoop(_GalleryMixin, ValLoop):
    """Validation against a gallery: during pre-training, the KNN monitor."""

    stage = 'val'


@LOOPS.register_module()
class GalleryTestLoop(_GalleryMixin, TestLoop):
    """Test against a gallery."""

    stage = 'test'
