"""ISC: inter-skeleton contrast (Thoker et al., Skeleton-Contrastive 3D Action Representation Learning, MM 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from mmskelssl.models.algorithms.momentum import Entity, MomentumContrast
from mmskelssl.models.losses import mutual_contrast
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError


@MODELS.register_module()
class ISC(MomentumContrast):
    """Encoders of different kinds look at the same clips; each query is contrasted with the others' keys and banks.

    With one stream it is :class:`SkeletonCLR`: the query is contrasted with its own.

    Args:
        **kwargs: Of :class:`MomentumContrast`; ``streams`` names the encoders.

    Raises:
        ConfigError: If embeddings differ in width.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if len(set(self.widths.values())) > 1:
            raise ConfigError(
                f'ISC compares embeddings of all streams, but their widths differ: {self.widths}. Leave out_channels '
                'of the necks out, and set model.feat_dim.'
            )

    def loss(self, inputs: Sequence[Tensor], data_samples: dict | None = None) -> dict[str, Tensor]:
        """Losses ``loss_{stream}`` of two views (query, key), each (N, M, T, V, C)."""
        return self.objective(self.encode_pair(*inputs))

    def objective(self, entities: Mapping[str, Entity]) -> dict[str, Tensor]:
        losses = {}
        for student in entities:
            directions = [(teacher, student) for teacher in entities if teacher != student or len(entities) == 1]
            losses[f'loss_{student}'] = mutual_contrast(entities, directions, self.temperature)
        return losses
