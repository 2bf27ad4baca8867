"""AimCLR (Guo et al., Contrastive Learning from Extremely Augmented Skeleton Sequences, AAAI 2022)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from mmskelssl.models.algorithms.followers import Embeddings, Followers
from mmskelssl.models.dropping import drop_salient
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError


@MODELS.register_module()
class AimCLR(Followers):
    """Extremely augmented queries, whole and without what is salient in them, follow the ordinary one.

    Takes views in the order extreme, query, key.

    Args:
        drop_threshold: κ of :func:`~mmskelssl.models.dropping.drop_salient`; None leaves the dropped query out.
        **kwargs: Of :class:`Followers`.

    Raises:
        ConfigError: If there are no maps to drop from, or nothing would be left of them.
    """

    num_views = 3
    leaders = dict(extreme='query', dropped='query')

    def __init__(self, *args, drop_threshold: float | None = 0.7, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if drop_threshold is not None:
            self.check_maps(drop_threshold)
        self.drop_threshold = drop_threshold

    def check_maps(self, threshold: float) -> None:
        """Raises a ConfigError if a backbone has no map over frames and joints, or the threshold drops all of it."""
        if without := [name for name in self.streams if not hasattr(self.encoder[name].backbone, 'feature_map')]:
            kind = type(self.encoder[without[0]].backbone).__name__
            raise ConfigError(
                f'AimCLR drops parts of a map over frames and joints, and {kind} has none: set '
                'model.drop_threshold=None, or take STGCN or AGCN as the backbone.'
            )
        if not threshold > 0.6225:
            raise ConfigError(f'model.drop_threshold={threshold} drops everything: energies begin at 0.6225.')

    def encode_harder(self, views: Sequence[Tensor], data_samples: dict | None) -> dict[str, Embeddings]:
        (extreme,) = views
        if self.drop_threshold is None:
            return dict(extreme=self.encode(self.encoder, extreme))
        backbones = {name: self.encoder[name].backbone for name in self.streams}
        maps = {name: backbones[name].feature_map(x) for name, x in self.split(extreme).items()}
        dropped = {name: drop_salient(x, self.drop_threshold) for name, x in maps.items()}
        return dict(extreme=self.normalized(maps), dropped=self.normalized(dropped))

    def normalized(self, maps: Mapping[str, Tensor]) -> Embeddings:
        """Entity to embedding (N, D) of unit length of the streams' maps."""
        features = {name: self.encoder[name].backbone.pool(x) for name, x in maps.items()}
        return self.encode_features(self.encoder, features)
