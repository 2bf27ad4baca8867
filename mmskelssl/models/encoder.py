"""An encoder: a backbone and what projects its features to embeddings."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from torch import Tensor, nn

from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.models.modalities import num_channels
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError


class Encoder(nn.Module):
    """A backbone and its necks, each of which embeds an entity.

    A backbone maps a view (N, M, T, V, C) to a feature (N, ``out_channels``). One that pools its tokens in several ways
    has ``poolings``, name to width, and gives all of them by ``pooled(view)``, name to (N, width).

    Args:
        backbone: Built.
        neck: Config, whose widths are filled in; None hands the feature on. Or name to config, where each may say the
            ``pooling`` it works on.
        feat_dim: Width of the embeddings, unless a neck says ``out_channels``.
    """

    def __init__(self, backbone: nn.Module, neck: Mapping | None, feat_dim: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.poolings: dict[str, str | None] = {}
        self.widths: dict[str, int] = {}
        if neck is None or 'type' in neck:
            self.neck = self._build('', neck or {}, feat_dim)
        else:
            self.neck = nn.ModuleDict({name: self._build(name, config, feat_dim) for name, config in neck.items()})

    def _build(self, name: str, neck: Mapping, feat_dim: int) -> nn.Module:
        config = dict(neck)
        self.poolings[name] = pooling = config.pop('pooling', None)
        offered = {None: self.backbone.out_channels, **getattr(self.backbone, 'poolings', {})}
        if pooling not in offered:
            raise ConfigError(f"neck.pooling='{pooling}' is not one of {[*offered]} of {type(self.backbone).__name__}.")
        width = offered[pooling]
        if config.get('in_channels', width) != width:
            raise ConfigError(
                f'The neck takes {config["in_channels"]} channels but the backbone gives {width}: leave in_channels of '
                'the neck out.'
            )
        self.widths[name] = config.setdefault('out_channels', feat_dim) if config else width
        return MODELS.build(dict(config, in_channels=width)) if config else nn.Identity()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Name of each neck ('' of a single one) to embeddings (N, D), not normalized, of views (N, M, T, V, C)."""
        return self.project(self.backbone.pooled(x) if any(self.poolings.values()) else {None: self.backbone(x)})

    def project(self, features: Mapping[str | None, Tensor]) -> dict[str, Tensor]:
        """Name of each neck to embeddings (N, D) of features (N, width), by the name of their pooling; None is the
        feature of ``forward``.
        """
        necks = self.neck.items() if isinstance(self.neck, nn.ModuleDict) else [('', self.neck)]
        return {name: neck(features[self.poolings[name]]) for name, neck in necks}


def build_backbone(backbone: Mapping, layout: SkeletonLayout, num_persons: int, modality: str = 'joint') -> nn.Module:
    """Builds a backbone and hands it what its constructor has arguments for: the model's layout and persons, and the
    channels of the modality, unless its config says how many ``in_channels`` it takes.

    Raises:
        ConfigError: If the config says layout or persons itself: they are said once, at the model.
    """
    known = dict(layout=layout, num_persons=num_persons)
    if said := sorted(known.keys() & backbone.keys()):
        raise ConfigError(f'model.backbone says {", ".join(said)}: say it once, as model.{said[0]}.')
    kind = MODELS.get(backbone['type']) if isinstance(backbone['type'], str) else backbone['type']
    arguments = inspect.signature(kind).parameters if kind else {}
    given = dict(in_channels=num_channels(modality)) | dict(backbone) | known
    return MODELS.build({name: value for name, value in given.items() if name in arguments or name in backbone})
