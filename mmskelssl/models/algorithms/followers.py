"""The family of queries that follow each other: AimCLR's and HiCLR's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import torch
from torch import Tensor

from mmskelssl.models.algorithms.momentum import Entity, MomentumContrast, check_slots
from mmskelssl.models.losses import distribution_alignment, info_nce, mined_contrast, nearest
from mmskelssl.utils.errors import check_at_least

Embeddings = dict[str, Tensor]


class Followers(MomentumContrast):
    """Base of the methods with harder queries, which follow the distribution of an easier one over key and bank.

    All queries of a clip share its key and the bank. Later in training, what is near to any of them is a positive.

    Args:
        cross_epoch: Epochs before neighbours are mined (150 of 300 in AimCLR and HiCLR).
        topk: Neighbours mined by each query.
        follow_weight: Weight of the harder queries' losses; 0 leaves :class:`SkeletonCLR` with mining.
        **kwargs: Of :class:`MomentumContrast`.
    """

    # Harder query to the one that it follows; ``query`` is that of the contrast.
    leaders: Mapping[str, str]

    def __init__(self, *args, cross_epoch: int = 150, topk: int = 1, follow_weight: float = 0.5, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        check_slots('topk', topk, self.bank)
        check_at_least(0, self, cross_epoch=cross_epoch, follow_weight=follow_weight)
        self.cross_epoch = cross_epoch
        self.topk = topk
        self.follow_weight = follow_weight

    def encode_harder(self, views: Sequence[Tensor], data_samples: dict | None) -> dict[str, Embeddings]:
        """Harder query to entity to embedding (N, D) of unit length, of the views before query and key."""
        raise NotImplementedError

    def loss(self, inputs: Sequence[Tensor], data_samples: dict | None = None) -> dict[str, Tensor]:
        """Losses ``loss_{entity}`` and ``loss_{entity}_{harder query}`` of views, each (N, M, T, V, C).

        In this order: those of the harder queries, query, key.
        """
        *views, query, key = inputs
        return self.objective(self.encode_pair(query, key), self.encode_harder(views, data_samples))

    def objective(self, entities: Mapping[str, Entity], harder: Mapping[str, Embeddings]) -> dict[str, Tensor]:
        losses = {}
        for name, entity in entities.items():
            queries = {kind: Entity(z[name], entity.key, entity.past) for kind, z in harder.items()} | {'query': entity}
            losses[f'loss_{name}'] = self.contrast(entity, list(queries.values()))
            for kind in harder:
                leader, follower = queries[self.leaders[kind]].similarities, queries[kind].similarities
                alignment = distribution_alignment(leader, follower, self.temperature)
                losses[f'loss_{name}_{kind}'] = self.follow_weight * alignment
        return losses

    def contrast(self, entity: Entity, queries: Sequence[Entity]) -> Tensor:
        """InfoNCE; in the second stage with the neighbours that any of the queries finds as further positives."""
        if self.epoch < self.cross_epoch:
            return info_nce(entity.positive, entity.negatives, self.temperature)
        mined = reduce(torch.logical_or, [nearest(query.negatives, self.topk) for query in queries])
        return mined_contrast(entity.positive, [entity.negatives], mined, self.temperature)
