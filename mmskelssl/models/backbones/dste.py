"""The dense spatio-temporal encoder of USDRL (Weng et al., AAAI 2025)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.models.backbones.checkpointing import run_blocks
from mmskelssl.models.backbones.gcn_transformer import time_encoding
from mmskelssl.models.backbones.spatio_temporal import FORMS, SpatioTemporal, embed_tokens, token_embeddings
from mmskelssl.models.backbones.sttr import joint_encoding
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError, check_at_least

Attention = Callable[[Tensor], Tensor]


class DropPath(nn.Module):
    """Leaves a branch out for some clips (stochastic depth)."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """(N, ...) of a branch."""
        kept = x.new_ones(x.shape[0], *[1] * (x.ndim - 1))
        return x * F.dropout(kept, self.probability, self.training)


class Branch(nn.Module):
    """What both branches of a layer have: normalizations before attention and before their own feed-forward block."""

    def __init__(self, width: int, drop_path: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.feed_forward = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.drop_path = DropPath(drop_path)

    def attended(self, x: Tensor, attention: Attention) -> Tensor:
        """A(LN x)."""
        return self.drop_path(attention(self.norms[0](x)))

    def mapped(self, x: Tensor) -> Tensor:
        """MLP(LN x)."""
        return self.drop_path(self.feed_forward(self.norms[1](x)))


class ConvolutionalAttention(Branch):
    """CA(x) = MLP(LN a), a = x + A(LN c), c = x + ReLU(W x)."""

    def __init__(self, width: int, drop_path: float) -> None:
        super().__init__(width, drop_path)
        self.convolution = nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor, attention: Attention) -> Tensor:
        """(N, L, width) to the same."""
        mixed = x + self.convolution(x.transpose(1, 2)).relu().transpose(1, 2)
        return self.mapped(x + self.attended(mixed, attention))


class DenseShiftAttention(Branch):
    """DSA(x) = (G(x) + G(h)) / 2, where h mixes the tokens of x but for every ``gap``-th.

    G(y) = y' + MLP(LN y'), y' = y + A(LN y).
    """

    is_kept: Tensor

    def __init__(self, num_tokens: int, width: int, gap: int, drop_path: float) -> None:
        super().__init__(width, drop_path)
        self.shift = nn.Sequential(nn.Linear(num_tokens, num_tokens), nn.ReLU(), nn.Linear(num_tokens, num_tokens))
        self.register_buffer('is_kept', torch.arange(num_tokens)[:, None] % gap == 0, persistent=False)

    def forward(self, x: Tensor, attention: Attention) -> Tensor:
        """(N, L, width) to the same."""
        shifted = torch.where(self.is_kept, x, x + self.shift(x.transpose(1, 2)).transpose(1, 2))
        return (self.transformed(shifted, attention) + self.transformed(x, attention)) / 2

    def transformed(self, x: Tensor, attention: Attention) -> Tensor:
        """G."""
        x = x + self.attended(x, attention)
        return x + self.mapped(x)


class DenseLayer(nn.Module):
    """α CA(x) + (1 - α) DSA(x), with one attention for both.

    Args:
        num_tokens: L.
        width: C of the tokens.
        num_heads: Attention heads.
        gap: Every ``gap``-th token is left where it is by the dense shift.
        balance: α.
        drop_path: Probability that a branch is left out for a clip.
    """

    def __init__(self, num_tokens: int, width: int, num_heads: int, gap: int, balance: float, drop_path: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, num_heads, batch_first=True)
        self.convolutional = ConvolutionalAttention(width, drop_path)
        self.dense_shift = DenseShiftAttention(num_tokens, width, gap, drop_path)
        self.balance = balance

    def forward(self, x: Tensor) -> Tensor:
        """(N, L, width) to the same."""
        convolutional, shifted = self.convolutional(x, self._attend), self.dense_shift(x, self._attend)
        return self.balance * convolutional + (1 - self.balance) * shifted

    def _attend(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x, need_weights=False)[0]


@MODELS.register_module()
class DSTE(SpatioTemporal):
    """Dense layers on each form of tokens; positions are added before every layer: sinusoidal ones of frames, learned
    ones of joints.

    Args:
        layout: Skeleton layout of the views.
        num_persons: M.
        num_frames: T.
        width: C of the tokens; the feature is twice as wide.
        num_layers: Layers of each form.
        num_heads: Attention heads.
        gap: Every ``gap``-th token is left where it is by the dense shift.
        balance: α, share of the convolutional attention.
        drop_path: Probability that a branch is left out for a clip.
        in_channels: C of the views.
        with_cp: Whether activations are computed anew in the backward pass instead of kept (less memory, more time).

    Raises:
        ConfigError: If a value is out of its range.
    """

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'ntu25',
        num_persons: int = 2,
        num_frames: int = 64,
        width: int = 1024,
        num_layers: int = 2,
        num_heads: int = 1,
        gap: int = 4,
        balance: float = 0.5,
        drop_path: float = 0.1,
        in_channels: int = 3,
        with_cp: bool = False,
    ) -> None:
        super().__init__(layout, num_persons, num_frames, width, with_cp)
        check_at_least(1, self, num_layers=num_layers, gap=gap)
        for name, value in dict(balance=balance, drop_path=drop_path).items():
            if not 0 <= value <= 1:
                raise ConfigError(f'model.backbone.{name}={value} is not within [0, 1].')
        self.embedding = token_embeddings(self.num_tokens, in_channels, width)
        self.joint_positions = joint_encoding(self.num_tokens['spatial'], width)
        self.layers = nn.ModuleDict(
            {
                form: nn.ModuleList(
                    DenseLayer(self.num_tokens[form], width, num_heads, gap, balance, drop_path)
                    for _ in range(num_layers)
                )
                for form in FORMS
            }
        )

    def embed(self, x: Tensor) -> dict[str, Tensor]:
        return embed_tokens(self.embedding, x)

    def encode(self, form: str, tokens: Tensor) -> Tensor:
        positions: Tensor = self.joint_positions
        if form == 'temporal':
            positions = time_encoding(tokens.shape[1], tokens.shape[2], tokens)
        for layer in self.layers[form].children():
            tokens = run_blocks([layer], tokens + positions, self.with_cp)
        return tokens
