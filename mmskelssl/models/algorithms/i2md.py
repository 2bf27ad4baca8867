"""I²MD (Mao et al., 3D Action Representation Learning with Inter- and Intra-modal Mutual Distillation)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmskelssl.models.algorithms.cmd import CMD, check_exchange
from mmskelssl.models.algorithms.momentum import Entity, check_slots
from mmskelssl.models.losses import similarity
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError


@MODELS.register_module()
class I2MD(CMD):
    """CMD across modalities, and within each the same exchange between an instance and a cluster branch.

    The cluster branch encodes the same clip with the same weights, but attends to the clip's neighbours in the bank
    (dynamic neighbours aggregation). Its entity of a modality has the suffix ``_cluster``; the bank keeps the hidden
    embeddings of the keys in fields with the suffix ``_hidden``.

    Args:
        num_aggregated: K_d, neighbours that the cluster branch attends to.
        distill_weight: λ1, weight of the exchange across modalities.
        intra_exchange: Exchange between the branches: ``distill``, ``contrast`` (table 13), or None for no cluster
            branch at all (I²MD without IMD, table 6).
        **kwargs: Of :class:`CMD`; without IMD, ``directions=[]`` leaves the baseline.
    """

    def __init__(
        self,
        *args,
        num_aggregated: int = 64,
        distill_weight: float = 0.5,
        intra_exchange: str | None = 'distill',
        **kwargs,
    ) -> None:
        self.intra_exchange = intra_exchange and check_exchange('intra_exchange', intra_exchange)
        super().__init__(*args, distill_weight=distill_weight, **kwargs)
        backbone = next(iter(self.encoder.values())).backbone
        if intra_exchange and not hasattr(backbone, 'aggregate'):
            raise ConfigError(
                'The cluster branch needs a backbone that aggregates neighbours, but backbone.type is '
                f"'{type(backbone).__name__}': use GCNTransformer, or intra_exchange=None."
            )
        check_slots('num_aggregated', num_aggregated, self.bank)
        self.num_aggregated = num_aggregated
        clusters = [(a, f'{a}_cluster') for a in self.streams]
        self.branches = [pair for a, c in clusters for pair in ((a, c), (c, a))] if intra_exchange else []

    def entity_widths(self) -> dict[str, int]:
        if not self.intra_exchange:
            return self.widths
        return {name: width for a, width in self.widths.items() for name in (a, f'{a}_cluster')}

    def bank_extras(self) -> dict[str, int]:
        if not self.intra_exchange:
            return {}
        # torch does not know what a ModuleDict holds.
        return {f'{a}_hidden': self.encoder[a].backbone.out_channels for a in self.streams}  # type: ignore[misc]

    def objective(self, entities: Mapping[str, Entity]) -> dict[str, Tensor]:
        """Losses ``loss_{entity}`` (eq. 1, 7), ``loss_cmd`` (eq. 5) and ``loss_imd`` (eq. 8); their sum is eq. 10."""
        losses = super().objective(entities)
        if self.intra_exchange:
            losses['loss_imd'] = self.teach(entities, self.branches, self.intra_exchange)
        return losses

    def encode(self, encoders: nn.ModuleDict, view: Tensor) -> dict[str, Tensor]:
        """z of every modality, and with the cluster branch z* and h, by the names of their fields in the bank."""
        return self.encode_branches(encoders, view) if self.intra_exchange else super().encode(encoders, view)

    def encode_branches(self, encoders: nn.ModuleDict, view: Tensor) -> dict[str, Tensor]:
        """z, z* and h of every modality, by the names of their fields in the bank."""
        out: dict[str, Tensor] = {}
        for a, x in self.split(view).items():
            backbone, neck = encoders[a].backbone, encoders[a].neck
            tokens = backbone.tokens(x)
            hidden = backbone.aggregate(tokens)
            z = F.normalize(neck(hidden), dim=1)
            clustered = backbone.aggregate(tokens, self.retrieve(z, a))
            out |= {a: z, f'{a}_cluster': F.normalize(neck(clustered), dim=1), f'{a}_hidden': hidden}
        return out

    @torch.no_grad()
    def retrieve(self, z: Tensor, modality: str) -> Tensor:
        """H: hidden embeddings (N, K_d, width) of the nearest neighbours of z (N, feat_dim) in the bank."""
        nearest = similarity(z, self.bank[modality]).topk(self.num_aggregated, dim=1, sorted=False).indices
        return self.bank[f'{modality}_hidden'][nearest]
