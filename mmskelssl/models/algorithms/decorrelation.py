"""The family of decorrelation: views of one encoder, no keys, no bank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from mmskelssl.models.algorithms.base import SelfSupervised
from mmskelssl.models.distributed import gather_clips


class Decorrelation(SelfSupervised):
    """Base of the methods whose losses are statistics of a batch, taken over the total batch of all processes."""

    min_batch = 2

    def embed_pair(self, a: Tensor, b: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """Entity to the embeddings (N, D) of both views for all N clips of all processes, with their gradient."""
        first, second = self.embed_views([a, b])
        return {name: (z, second[name]) for name, z in first.items()}

    def embed_views(self, views: Sequence[Tensor]) -> list[dict[str, Tensor]]:
        """Entity to embeddings (N, D) of each view for all N clips of all processes, with their gradient."""
        found = [self.gathered(self.embed(self.encoder, view)) for view in views]
        self.embeddings = {name: z.detach() for name, z in found[0].items()}
        return found

    @staticmethod
    def gathered(embeddings: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Embeddings (N, D) of all N clips of all processes, with their gradient."""
        return {name: gather_clips(z) for name, z in embeddings.items()}
