"""HiCLR (Zhang et al., Hierarchical Consistent Contrastive Learning with Growing Augmentations, AAAI 2023).

The equations are those of the official program: of the paper, only abstract and tables were read.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmskelssl.models.algorithms.followers import Embeddings, Followers
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError


@MODELS.register_module()
class HiCLR(Followers):
    """Queries of views that are augmented more and more, each of which follows the one before.

    Takes views in the order normal, masked, query, key. In the masked one, some joints of every frame are a learned
    number, one for each stream.

    Args:
        mask_ratio: Share of the joints of a frame that is masked, rounded down; 0 masks nothing.
        **kwargs: Of :class:`Followers`.

    Raises:
        ConfigError: If the share is not within [0, 1), or so small that no joint is masked.
    """

    num_views = 4
    leaders = dict(normal='query', masked='normal')

    def __init__(self, *args, mask_ratio: float = 0.1, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if not 0 <= mask_ratio < 1:
            raise ConfigError(f'model.mask_ratio={mask_ratio}: give a share of the joints from 0 on, below 1.')
        self.num_masked = int(self.layout.num_joints * mask_ratio)
        if mask_ratio and not self.num_masked:
            raise ConfigError(
                f'model.mask_ratio={mask_ratio} masks none of {self.layout.num_joints} joints: give a larger one, or 0.'
            )
        self.mask_value = nn.ParameterDict({name: nn.Parameter(torch.zeros(1)) for name in self.streams})

    def encode_harder(self, views: Sequence[Tensor], data_samples: dict | None) -> dict[str, Embeddings]:
        normal, masked = views
        hidden = self.draw(masked, data_samples)[:, None, :, :, None]
        features = {
            a: self.encoder[a].backbone(torch.where(hidden, self.mask_value[a], x))
            for a, x in self.split(masked).items()
        }
        return dict(normal=self.encode(self.encoder, normal), masked=self.encode_features(self.encoder, features))

    @torch.compiler.disable  # keys wrap around, which the compiler takes for an overflow
    def draw(self, view: Tensor, data_samples: dict | None) -> Tensor:
        """(N, T, V) bool, what is masked of a view (N, M, T, V, C): other joints in every frame."""
        return self.random(view, data_samples).subset(self.num_masked, *view.shape[2:4])
