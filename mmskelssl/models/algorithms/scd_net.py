"""SCD-Net (Wu et al., Spatiotemporal Clues Disentanglement Network for Self-Supervised Skeleton-Based Action
Recognition, AAAI 2024).

The equations are those of the official program: of the paper, only the abstract was read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from mmskelssl.models.algorithms.momentum import Entity, MomentumContrast
from mmskelssl.models.losses import mutual_contrast
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError

ANCHOR = 'instance'
DOMAINS = ('temporal', 'spatial')
# Of a teacher, whose keys and bank they are, and a student, whose query it is.
DIRECTIONS = [*((ANCHOR, domain) for domain in DOMAINS), *((domain, ANCHOR) for domain in DOMAINS)]


@MODELS.register_module()
class SCDNet(MomentumContrast):
    """What a clip says of time and of space are contrasted with the instance, which is made of both, and it with them.

    Nothing is contrasted with its own kind, nor time with space. Streams learn by themselves.

    Args:
        **kwargs: Of :class:`MomentumContrast`; ``neck`` has ``temporal``, ``spatial`` and ``instance``, each on a
            pooling of a backbone such as ``DecoupledEncoder``.

    Raises:
        ConfigError: If a neck is missing, or embeddings differ in width.
    """

    def __init__(self, *args, temperature: float = 0.2, **kwargs) -> None:
        super().__init__(*args, temperature=temperature, **kwargs)
        for a in self.streams:
            encoder: Any = self.encoder[a]
            widths = encoder.widths
            if set(widths) != {*DOMAINS, ANCHOR}:
                raise ConfigError(
                    f"model.neck of stream '{a}' has {[*filter(None, widths)]}: SCD-Net takes one for each of "
                    f'{[*DOMAINS, ANCHOR]}, the first two with their own name as `pooling`, of a backbone that has '
                    'these poolings, such as DecoupledEncoder.'
                )
            if len(set(widths.values())) > 1:
                raise ConfigError(
                    f"SCD-Net compares the embeddings of a stream, but those of '{a}' differ in width: {widths}. Leave "
                    'out_channels of the necks out, and set model.feat_dim.'
                )

    def loss(self, inputs: Sequence[Tensor], data_samples: dict | None = None) -> dict[str, Tensor]:
        """Losses ``loss_{stream}_{query}_{key}`` of two views (query, key), each (N, M, T, V, C)."""
        return self.objective(self.encode_pair(*inputs))

    def objective(self, entities: Mapping[str, Entity]) -> dict[str, Tensor]:
        return {
            f'loss_{a}_{student}_{teacher}': mutual_contrast(
                entities, [(f'{a}_{teacher}', f'{a}_{student}')], self.temperature
            )
            for a in self.streams
            for teacher, student in DIRECTIONS
        }
