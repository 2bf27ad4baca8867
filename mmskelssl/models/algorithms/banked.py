"""What methods with a bank of past keys share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mmskelssl.models.algorithms.base import SelfSupervised
from mmskelssl.models.memory_bank import MemoryBank
from mmskelssl.utils.errors import ConfigError


class Banked(SelfSupervised):
    """Base of the methods with a bank.

    ``loss`` leaves a key for each field of the bank in ``self.keys``; they enter it after the update.

    Attributes:
        bank: Set by the method's constructor.
        keys: Field to rows (N, D).
    """

    bank: MemoryBank
    keys: dict[str, Tensor]

    def check_batch(self, total: int, factors: str) -> None:
        """Raises a ConfigError if the bank cannot take the keys of an update."""
        if total > self.bank.size:
            raise ConfigError(
                f'model.queue_size={self.bank.size} is smaller than a total batch of {total} keys ({factors}): raise '
                'it, or lower train_dataloader.batch_size.'
            )

    def to_enqueue(self) -> dict[str, Tensor]:
        return self.keys

    def after_update(self, batches: Sequence[Mapping[str, Tensor]]) -> None:
        """Enqueues the keys."""
        self.bank.enqueue({name: torch.cat([batch[name] for batch in batches]) for name in self.bank.fields})
