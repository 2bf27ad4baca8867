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
        self.runner.model.eval()
        batches = self.gallery_dataloader
        if is_main_process():
            batches = track(batches, len(batches), 'Encoding the gallery')
        for data_batch in batches:
            outputs = self._process(data_batch, in_gallery=True)
            self.runner.call_hook('after_gallery_iter', loader=self.gallery_dataloader, outputs=outputs)
        return super().run()

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

    def run_iter(self, idx: int, data_batch: dict) -> None:
        self.runner.call_hook('before_val_iter', batch_idx=idx, data_batch=data_batch)
        outputs = self._process(data_batch, in_gallery=False)
        self.runner.call_hook('after_val_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs)


@LOOPS.register_module()
class GalleryTestLoop(_GalleryMixin, TestLoop):
    """Test against a gallery."""

    def run_iter(self, idx: int, data_batch: dict) -> None:
        self.runner.call_hook('before_test_iter', batch_idx=idx, data_batch=data_batch)
        outputs = self._process(data_batch, in_gallery=False)
        self.runner.call_hook('after_test_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs)
