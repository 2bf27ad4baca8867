"""What the encoders share that read a clip twice: as tokens of frames and as tokens of joints."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from mmskelssl.datasets.layouts import SkeletonLayout, get_layout
from mmskelssl.models.modalities import check_layout
from mmskelssl.utils.errors import ConfigError, check_at_least

FORMS = ('temporal', 'spatial')


def frame_tokens(x: Tensor) -> Tensor:
    """(N, M, T, V, C) to a token of each frame, (N, T, M * V * C)."""
    return x.transpose(1, 2).flatten(2)


def joint_tokens(x: Tensor) -> Tensor:
    """(N, M, T, V, C) to a token of each person's joint, (N, M * V, T * C)."""
    return x.transpose(2, 3).flatten(3).flatten(1, 2)


class TokenEmbedding(nn.Sequential):
    """Linear, LayerNorm, ReLU, Linear, on every token."""

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__(
            nn.Linear(in_channels, width), nn.LayerNorm(width), nn.ReLU(inplace=True), nn.Linear(width, width)
        )


class SpatioTemporal(nn.Module):
    """Base of these encoders: they embed both forms of tokens, encode each and take its maximum over the tokens.

    The feature is both maxima, first that over time; each by itself is a pooling, ``temporal`` or ``spatial``.

    Args:
        layout: Skeleton layout of the views.
        num_persons: M.
        num_frames: T, which the tokens of joints are as wide as.
        width: C of the tokens; the feature is twice as wide.
        with_cp: Whether activations are computed anew in the backward pass instead of kept (less memory, more time).
    """

    def __init__(
        self, layout: str | Mapping | SkeletonLayout, num_persons: int, num_frames: int, width: int, with_cp: bool
    ) -> None:
        super().__init__()
        check_at_least(1, self, num_frames=num_frames, width=width)
        self.layout = layout = get_layout(layout)
        self.with_cp = with_cp
        self.out_channels = 2 * width
        self.poolings = dict.fromkeys(FORMS, width)
        self.num_tokens = dict(temporal=num_frames, spatial=num_persons * layout.num_joints)

    def forward(self, x: Tensor) -> Tensor:
        """Encodes views (N, M, T, V, C) into features (N, 2 * width)."""
        return self.pooled(x)[None]

    def pooled(self, x: Tensor) -> dict[str | None, Tensor]:
        """The feature (N, 2 * width), under None, and each pooling (N, width) of views (N, M, T, V, C)."""
        return self.pool(self.tokens(x))

    def tokens(self, x: Tensor) -> dict[str, Tensor]:
        """``temporal`` (N, T, width) and ``spatial`` (N, M * V, width), encoded: dense features."""
        self.check(x)
        return self.encode_all(self.embed(x))

    def encode_all(self, embedded: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Tokens of both forms, encoded."""
        return {form: self.encode(form, tokens) for form, tokens in embedded.items()}

    @staticmethod
    def pool(tokens: Mapping[str, Tensor]) -> dict[str | None, Tensor]:
        """The maximum over the tokens of each form, (N, width), and under None both."""
        pooled: dict[str | None, Tensor] = {form: values.amax(1) for form, values in tokens.items()}
        return {None: torch.cat(list(pooled.values()), 1), **pooled}

    @abstractmethod
    def embed(self, x: Tensor) -> dict[str, Tensor]:
        """Tokens of both forms, not encoded, of views (N, M, T, V, C)."""

    @abstractmethod
    def encode(self, form: str, tokens: Tensor) -> Tensor:
        """Tokens of a form, (N, L, width), encoded."""

    def check(self, x: Tensor) -> None:
        """Refuses views that the tokens are not made for.

        Raises:
            ConfigError: If T or M is another; the message names the key to change.
        """
        check_layout(x, self.layout)
        num_frames, num_persons = self.num_tokens['temporal'], self.num_tokens['spatial'] // self.layout.num_joints
        if x.shape[1:3] != (num_persons, num_frames):
            raise ConfigError(
                f'{type(self).__name__} is built for {num_persons} persons and {num_frames} frames, but the view has '
                f'{x.shape[1]} and {x.shape[2]}: set model.num_persons and model.backbone.num_frames to those of the '
                'views.'
            )


def transformer_layers(
    width: int, num_layers: int, num_heads: int, ffn_channels: int, dropout: float = 0.0
) -> nn.ModuleDict:
    """Plain Transformer layers (post-norm) for each form of tokens."""
    return nn.ModuleDict(
        {
            form: nn.ModuleList(
                nn.TransformerEncoderLayer(width, num_heads, ffn_channels, dropout, batch_first=True)
                for _ in range(num_layers)
            )
            for form in FORMS
        }
    )


def token_embeddings(num_tokens: Mapping[str, int], num_coords: int, width: int) -> nn.ModuleDict:
    """An embedding for each form of tokens of T frames and M * V joints."""
    temporal, spatial = num_tokens['temporal'], num_tokens['spatial']
    widths = dict(temporal=spatial * num_coords, spatial=temporal * num_coords)
    return nn.ModuleDict({form: TokenEmbedding(widths[form], width) for form in FORMS})


def embed_tokens(embeddings: nn.Module, x: Tensor | Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Both forms of tokens of (N, M, T, V, C), or each of its own, embedded by the child of its name."""
    cut: dict[str, Callable[[Tensor], Tensor]] = dict(temporal=frame_tokens, spatial=joint_tokens)
    maps = dict.fromkeys(FORMS, x) if isinstance(x, Tensor) else x
    return {form: embedding(cut[form](maps[form])) for form, embedding in embeddings.named_children()}
