"""Training that can be resumed exactly, after any iteration."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import mmengine.runner
import torch
from mmengine.dist import get_rank
from torch import nn

from mmskelssl.datasets.keyed_random import clip_keys
from mmskelssl.registry import LOOPS
from mmskelssl.utils.errors import CheckpointError


@LOOPS.register_module()
class EpochBasedTrainLoop(mmengine.runner.EpochBasedTrainLoop):
    """Replaces MMEngine's loop; a run can be resumed exactly after any iteration.

    A checkpoint needs only epoch and iteration for that. Within an epoch, the batches already trained on are skipped
    without loading them. Random numbers within the model (dropout) depend on seed, iteration and process, those of
    augmentations on seed, epoch and clip. A run resumed at the end of an epoch begins with the validation of that
    epoch, which may not have been finished.
    """

    def run(self) -> nn.Module:
        """Trains to the end, from where the checkpoint stopped.

        Raises:
            CheckpointError: If the checkpoint was made with epochs of another length.
        """
        done = self._iter - self._epoch * len(self.dataloader)
        if not 0 <= done <= len(self.dataloader):
            raise CheckpointError(
                f'The checkpoint has {self._iter} iterations in {self._epoch} epochs, but an epoch has '
                f'{len(self.dataloader)} batches now: resume with the same data and total batch, or start from its '
                'weights by load_from.'
            )
        self.runner.call_hook('before_train')
        if self._iter and not done:
            self._validate_if_due()
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch()
            self._decide_current_val_interval()
            self._validate_if_due()
        self.runner.call_hook('after_train')
        return self.runner.model

    def run_epoch(self) -> None:
        """Trains to the end of the epoch."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        for idx, data_batch in self._remaining_batches():
            self.run_iter(idx, data_batch)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1

    def run_iter(self, idx: int, data_batch: dict) -> None:
        """Trains on one batch."""
        key = torch.tensor([[self.runner.seed], [get_rank()], [self._iter]])
        torch.manual_seed(int(clip_keys(*key)))
        super().run_iter(idx, data_batch)

    def _remaining_batches(self) -> Iterator[tuple[int, dict]]:
        done = self._iter - self._epoch * len(self.dataloader)
        sampler = self.dataloader.sampler
        if hasattr(sampler, 'skip'):
            sampler.skip(done * self.dataloader.batch_size)
            return enumerate(self.dataloader, done)
        return islice(enumerate(self.dataloader), done, None)

    def _validate_if_due(self) -> None:
        is_due = self._epoch % self.val_interval == 0 or self._epoch == self._max_epochs
        if self.runner.val_loop is not None and self._epoch >= self.val_begin and is_due:
            self.runner.val_loop.run()
