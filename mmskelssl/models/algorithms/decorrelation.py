"""The family of decorrelation: two views of one encoder, no keys, no bank."""

from __future__ import annotations

from torch import Tensor

from mmskelssl.models.algorithms.base import SelfSupervised
from mmskelssl.models.distributed import gather_clips


class Decorrelation(SelfSupervised):
    """Base of the methods whose losses are statistics of a batch, taken over the total batch of all processes."""

    min_batch = 2

    def embed_pair(self, a: Tensor, b: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """Entity to the embeddings (N, D) of both views for all N clips of all processes, with their gradient."""
        first, second = ({name: gather_clips(z) for name, z in self.embed(self.encoder, v).items()} for v in (a, b))
        self.embeddings = {name: z.detach() for name, z in first.items()}
        return {name: (z, second[name]) for name, z in first.items()}
