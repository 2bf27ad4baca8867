"""SkeleMixCLR (Chen et al., Contrastive Learning from Spatio-Temporal Mixed Skeleton Sequences, 2022).

The equations are those of the official program: of the paper, only abstract and tables were read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mmskelssl.models.algorithms.momentum import Entity, MomentumContrast
from mmskelssl.models.losses import info_nce, paired_similarity
from mmskelssl.models.mixing import Mix, check_fits, draw_pasted, of_partners, pooled_in_and_out
from mmskelssl.models.parts import part_table
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError, check_at_least

Embeddings = dict[str, Tensor]


@MODELS.register_module()
class SkeleMixCLR(MomentumContrast):
    """Beside the contrast of the query: what is pasted into it is drawn to its own clip, and the rest to the query's.

    Takes views in the order query, key. Streams learn by themselves.

    Args:
        num_mixes: Mixes of each clip.
        mix_parts: Fewest and most parts of a region that is pasted.
        mix_blocks: Fewest and most blocks of four frames of such a region.
        mix_weight: Weight of the losses of a mix.
        **kwargs: Of :class:`MomentumContrast`.

    Raises:
        ConfigError: If a value is out of its range, or a backbone has no map.
    """

    def __init__(
        self,
        *args,
        num_mixes: int = 3,
        mix_parts: tuple[int, int] = (2, 3),
        mix_blocks: tuple[int, int] = (7, 11),
        mix_weight: float = 0.5,
        temperature: float = 0.2,
        **kwargs,
    ) -> None:
        super().__init__(*args, temperature=temperature, **kwargs)
        check_at_least(1, self, num_mixes=num_mixes)
        check_at_least(0, self, mix_weight=mix_weight)
        # A part at least is the rest.
        check_fits('mix_parts', mix_parts, 'parts besides the rest', len(part_table(self.layout)) - 1)
        for name in self.streams:
            backbone = self.encoder[name].backbone
            if not hasattr(backbone, 'feature_map'):
                raise ConfigError(
                    f'SkeleMixCLR pools a map over frames and joints, and {type(backbone).__name__} has none: take '
                    'STGCN or AGCN as the backbone.'
                )
        self.num_mixes = num_mixes
        self.mix_parts = mix_parts
        self.mix_blocks = mix_blocks
        self.mix_weight = mix_weight

    def loss(
        self, inputs: Sequence[Tensor], data_samples: dict | None = None, mixes: Sequence[Mix] | None = None
    ) -> dict[str, Tensor]:
        """Losses ``loss_{entity}``, also with ``_pasted`` and ``_rest``, of two views, each (N, M, T, V, C).

        Args:
            inputs: The views.
            data_samples: With the clips' ``keys`` (N,), of which all is drawn. Without, torch draws them.
            mixes: In the place of the keys.
        """
        mixes = mixes or self.draw(inputs[0], data_samples)
        entities, query = self.encode_pair(*inputs), self.split(inputs[0])
        return self.objective(entities, mixes, [self.encode_mixed(query, mix) for mix in mixes])

    def encode_mixed(self, query: Mapping[str, Tensor], mix: Mix) -> tuple[Embeddings, Embeddings]:
        """Entity to embedding (N, D) of unit length, of what is pasted into the streams' views, and of the rest."""
        backbones = {a: self.encoder[a].backbone for a in self.streams}
        maps = {a: backbones[a].feature_map(mix.of_views(x)) for a, x in query.items()}
        pooled = {a: pooled_in_and_out(x, mix.share.bool()) for a, x in maps.items()}
        pasted, rest = ({a: features[i] for a, features in pooled.items()} for i in range(2))
        return self.encode_features(self.encoder, pasted), self.encode_features(self.encoder, rest)

    def objective(
        self, entities: Mapping[str, Entity], mixes: Sequence[Mix], mixed: Sequence[tuple[Embeddings, Embeddings]]
    ) -> dict[str, Tensor]:
        losses = {}
        for a, e in entities.items():
            losses[f'loss_{a}'] = info_nce(e.positive, e.negatives, self.temperature)
            both = [
                (
                    self.apart(Entity(pasted[a], of_partners(e.key, mix.partner), e.past), rest[a]),
                    self.apart(Entity(rest[a], e.key, e.past), pasted[a]),
                )
                for mix, (pasted, rest) in zip(mixes, mixed, strict=True)
            ]
            pasted_losses, rest_losses = zip(*both, strict=True)
            losses[f'loss_{a}_pasted'] = self.mix_weight * sum(pasted_losses)
            losses[f'loss_{a}_rest'] = self.mix_weight * sum(rest_losses)
        return losses

    def apart(self, entity: Entity, other: Tensor) -> Tensor:
        """InfoNCE with the other region's embedding (N, D), without a gradient, as one more negative."""
        between = paired_similarity(entity.query, other.detach())
        return info_nce(entity.positive, torch.cat([between[:, None], entity.negatives], 1), self.temperature)

    @torch.compiler.disable  # keys wrap around, which the compiler takes for an overflow
    def draw(self, view: Tensor, data_samples: dict | None) -> list[Mix]:
        """The mixes of the clips of a view (N, M, T, V, C)."""
        random = self.random(view, data_samples)
        sizes = dict(parts=self.mix_parts, blocks=self.mix_blocks)
        return [draw_pasted(random, self.layout, view.shape[2], **sizes) for _ in range(self.num_mixes)]
