"""Sampling of clips together with the randomness of their augmentation."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from mmengine.dataset import DefaultSampler

from mmskelssl.registry import DATA_SAMPLERS


class ClipRequest(NamedTuple):
    """What a sampler asks a dataset for.

    Args:
        index: Position in the dataset.
        seed: The run's seed.
        epoch: The epoch, so that a clip is augmented anew in each.
        is_padding: Whether the clip is another process', repeated so that all processes have as many batches.
    """

    index: int  # type: ignore[assignment]  # hides the search of a tuple
    seed: int = 0
    epoch: int = 0
    is_padding: bool = False


@DATA_SAMPLERS.register_module()
class ClipSampler(DefaultSampler):
    """MMEngine's default sampler, handing seed and epoch on with every index.

    Loader workers live through epochs and do not know which one it is; told so with every index, they need no state,
    and a clip's augmentation is the same for any number of workers and processes, and after resuming.
    """

    _skipped = 0

    def skip(self, number: int) -> None:
        """Leaves out so many requests of the next iteration, which were trained on before a run was resumed."""
        self._skipped = number

    def __iter__(self) -> Iterator[ClipRequest]:
        skipped, self._skipped = self._skipped, 0
        for number, index in islice(enumerate(super().__iter__()), skipped, None):
            is_padding = self.rank + number * self.world_size >= len(self.dataset)
            yield ClipRequest(int(index), self.seed, self.epoch, is_padding)
