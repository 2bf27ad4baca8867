"""The decoder of MAE and MAMP: all tokens, with a learned one in every hidden place."""

from __future__ import annotations

from torch import Tensor, nn

from mmskelssl.models.backbones.checkpointing import run_blocks
from mmskelssl.models.masking import hidden
from mmskelssl.models.transformer import TransformerBlock, init_linear, position_table
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import check_at_least


@MODELS.register_module()
class TokenDecoder(nn.Module):
    """Puts visible tokens back among mask tokens and predicts every token from all of them.

    Args:
        in_channels: Width of the visible tokens; the model says it.
        num_segments: S; the model says it.
        num_joints: V; the model says it.
        token_channels: Numbers to predict for a token; the model says it.
        width: C inside.
        num_layers: Blocks.
        num_heads: Attention heads.
        ffn_channels: Hidden width of the feed-forward layers; by default four times the width.
        layer_scale: Of :class:`~mmskelssl.models.transformer.TransformerBlock`.
        norm_eps: ε of the norms.
        with_cp: Whether activations are computed anew in the backward pass instead of kept.
    """

    segments_per_prediction = 1

    def __init__(
        self,
        in_channels: int,
        num_segments: int,
        num_joints: int,
        token_channels: int,
        width: int = 256,
        num_layers: int = 5,
        num_heads: int = 8,
        ffn_channels: int | None = None,
        layer_scale: float | None = None,
        norm_eps: float = 1e-5,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        check_at_least(1, self, num_layers=num_layers)
        self.with_cp = with_cp
        self.num_tokens = num_segments * num_joints
        self.embedding = nn.Linear(in_channels, width)
        # Two-dimensional, as the tables of positions: weight decay is for what is not a vector.
        self.mask_token = position_table(1, width)
        self.time_positions = position_table(num_segments, width)
        self.joint_positions = position_table(num_joints, width)
        self.blocks = nn.Sequential(
            *(
                TransformerBlock(
                    width, num_heads, ffn_channels or 4 * width, layer_scale=layer_scale, norm_eps=norm_eps
                )
                for _ in range(num_layers)
            )
        )
        self.norm = nn.LayerNorm(width, norm_eps)
        self.predict = nn.Linear(width, token_channels)
        init_linear(self)

    def forward(self, visible: Tensor, kept: Tensor) -> Tensor:
        """Predictions (P, S * V, token_channels) of visible tokens (P, K, in_channels) at positions ``kept`` (P, K)."""
        visible = self.embedding(visible)
        places = kept[..., None].expand_as(visible)
        tokens = self.mask_token.to(visible.dtype).expand(len(visible), self.num_tokens, -1)
        tokens = tokens.scatter(1, places, visible)
        tokens = tokens + (self.time_positions[:, None] + self.joint_positions).flatten(0, 1)
        return self.predict(self.norm(run_blocks(self.blocks, tokens, self.with_cp)))

    def scored(self, kept: Tensor) -> Tensor:
        """Mask (P, S * V) of the predictions that are learned from: those of hidden tokens."""
        return hidden(kept, self.num_tokens)
