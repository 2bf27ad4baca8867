"""The memory of past keys that contrastive losses draw their negatives from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmskelssl.utils.errors import ConfigError


class MemoryBank(nn.Module):
    """A ring buffer of named fields with one pointer, first in first out.

    All fields are written together, so slot i holds the same clip in each of them. Until it has been filled once, a
    field holds random unit vectors, as in MoCo. The content is part of the checkpoint.

    Args:
        size: Slots.
        entities: Name of each entity to the width of its keys.
        extras: Name to width of what is kept beside them.
        numbers: Names of fields of whole numbers, one a slot, such as those of clips; -1 until a slot is written.
    """

    pointer: Tensor

    def __init__(
        self,
        size: int,
        entities: Mapping[str, int],
        extras: Mapping[str, int] | None = None,
        numbers: Sequence[str] = (),
    ) -> None:
        super().__init__()
        if size < 1:
            raise ConfigError(f'model.queue_size={size}: the memory bank needs at least one slot.')
        self.size = size
        self.entities = dict(entities)
        vectors = self.entities | dict(extras or {})
        self.fields = vectors | dict.fromkeys(numbers, 1)
        for name, width in vectors.items():
            self.register_buffer(f'field_{name}', F.normalize(torch.randn(size, width), dim=1))
        for name in numbers:
            self.register_buffer(f'field_{name}', torch.full((size, 1), -1))
        self.register_buffer('pointer', torch.zeros((), dtype=torch.long))

    def __getitem__(self, name: str) -> Tensor:
        """(size, width) content of a field, as it was before this step."""
        return getattr(self, f'field_{name}')

    @torch.no_grad()
    def enqueue(self, entries: Mapping[str, Tensor]) -> None:
        """Writes a batch over the oldest slots, wrapping around the end.

        Args:
            entries: (N, width) for every field, N up to the number of slots.

        Raises:
            ValueError: If fields are missing or unknown, or batches differ in length.
            ConfigError: If N exceeds the slots.
        """
        lengths = {name: len(entry) for name, entry in entries.items()}
        if set(entries) != set(self.fields) or len(set(lengths.values())) != 1:
            raise ValueError(f'The memory bank takes one batch for each of {sorted(self.fields)}, but got {lengths}.')
        (count,) = set(lengths.values())
        if count > self.size:
            raise ConfigError(
                f'A batch of {count} keys does not fit into model.queue_size={self.size}: raise it or lower the '
                'total batch size.'
            )
        slots = (self.pointer + torch.arange(count, device=self.pointer.device)) % self.size
        for name, entry in entries.items():
            self[name].index_copy_(0, slots, entry.to(self[name].dtype))
        self.pointer.add_(count).remainder_(self.size)
