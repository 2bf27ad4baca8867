"""Pre-norm Transformer blocks (Dosovitskiy et al., ICLR 2021), shared by encoders and decoders of tokens."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn

from mmskelssl.utils.errors import ConfigError, check_at_least


class Attention(nn.Module):
    """Multi-head attention by PyTorch's fused function, which keeps nothing of the size of tokens × tokens.

    Args:
        width: C of the tokens.
        num_heads: Heads.

    Raises:
        ConfigError: If the heads do not divide the width.
    """

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        check_at_least(1, self, width=width, num_heads=num_heads)
        if width % num_heads:
            raise ConfigError(f'width={width} is not divisible by num_heads={num_heads}: change one of them.')
        self.num_heads = num_heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor, memory: Tensor | None = None, rotation: Tensor | None = None) -> Tensor:
        """Tokens (N, L, C) that attend to themselves, or to a memory (N, K, C).

        Args:
            tokens: Where the queries come from.
            memory: Where keys and values come from.
            rotation: Of queries and keys, by :func:`rotations`.
        """
        if memory is None:
            q, k, v = self.qkv(tokens).chunk(3, -1)
        else:
            width = tokens.shape[-1]
            q = F.linear(tokens, self.qkv.weight[:width], self.qkv.bias[:width])
            k, v = F.linear(memory, self.qkv.weight[width:], self.qkv.bias[width:]).chunk(2, -1)
        q, k, v = (x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for x in (q, k, v))
        if rotation is not None:
            q, k = rotate(q, rotation), rotate(k, rotation)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class TransformerBlock(nn.Module):
    """Attention and a feed-forward layer, each behind a norm and added to what came in.

    Args:
        width: C of the tokens.
        num_heads: Attention heads.
        ffn_channels: Hidden width of the feed-forward layer.
        drop_path: Probability that a sample skips attention, or the feed-forward layer, in training.
        layer_scale: Start of a learned factor for each channel of what is added; None leaves it out.
        norm_eps: ε of the norms.
        ffn: ``gelu``, or ``swiglu`` for a :class:`SwiGLU`.
    """

    def __init__(
        self,
        width: int,
        num_heads: int,
        ffn_channels: int,
        drop_path: float = 0.0,
        layer_scale: float | None = None,
        norm_eps: float = 1e-5,
        ffn: str = 'gelu',
    ) -> None:
        super().__init__()
        check_at_least(1, self, ffn_channels=ffn_channels)
        self.norm1 = nn.LayerNorm(width, norm_eps)
        self.attention = Attention(width, num_heads)
        self.norm2 = nn.LayerNorm(width, norm_eps)
        self.ffn = _FEED_FORWARD[ffn](width, ffn_channels)
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()
        self.scale1, self.scale2 = (
            nn.Identity() if layer_scale is None else LayerScale(width, layer_scale) for _ in range(2)
        )

    def forward(self, tokens: Tensor, memory: Tensor | None = None, rotation: Tensor | None = None) -> Tensor:
        """Tokens (N, L, C) to (N, L, C); memory and rotation are those of :class:`Attention`."""
        attended = self.attention(self.norm1(tokens), memory, rotation)
        tokens = tokens + self.drop_path(self.scale1(attended))
        return tokens + self.drop_path(self.scale2(self.ffn(self.norm2(tokens))))


class SwiGLU(nn.Module):
    """A feed-forward layer whose hidden channels are gated (Shazeer, GLU Variants Improve Transformer, 2020)."""

    def __init__(self, width: int, hidden_channels: int) -> None:
        super().__init__()
        self.inner = nn.Linear(width, 2 * hidden_channels)
        self.outer = nn.Linear(hidden_channels, width)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.inner(x).chunk(2, -1)
        return self.outer(F.silu(gate) * value)


def _gelu_layer(width: int, hidden_channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, hidden_channels), nn.GELU(), nn.Linear(hidden_channels, width))


_FEED_FORWARD: dict[str, Callable[[int, int], nn.Module]] = dict(gelu=_gelu_layer, swiglu=SwiGLU)


class LayerScale(nn.Module):
    """A learned factor for each channel (Touvron et al., Going Deeper with Image Transformers, 2021)."""

    def __init__(self, width: int, start: float) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((width,), start))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gamma


def rotations(positions: Tensor, width: int, base: float = 10000.0) -> Tensor:
    """Angles by which queries and keys are turned for their position (Su et al., RoFormer, 2021).

    Args:
        positions: (N, L) of the tokens; N may be 1.
        width: C of a head, an even number.
        base: Of the geometric series of frequencies.

    Returns:
        Cosine and sine, (2, N, 1, L, C / 2).
    """
    rate = base ** (-torch.arange(0, width, 2, device=positions.device) / width)
    angle = positions[:, None, :, None] * rate
    return torch.stack([angle.cos(), angle.sin()])


def rotate(x: Tensor, rotation: Tensor) -> Tensor:
    """Turns channel i of (N, heads, L, C) with channel i + C / 2."""
    (a, b), (cos, sin) = x.chunk(2, -1), rotation.to(x.dtype)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def init_linear(module: nn.Module) -> None:
    """Makes the weights of linear layers Xavier-uniform and their biases zero, as MAE does."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)


def position_table(*shape: int) -> nn.Parameter:
    """Learned positions, drawn from a normal distribution of deviation 0.02, cut off at 2."""
    return nn.Parameter(nn.init.trunc_normal_(torch.empty(*shape), std=0.02))
