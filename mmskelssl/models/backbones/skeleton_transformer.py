"""The Transformer over joints and segments of time of MAMP and its kin (Mao et al., ICCV 2023, section 3.2)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmskelssl.datasets.layouts import SkeletonLayout, get_layout
from mmskelssl.models.backbones.checkpointing import checkpointed
from mmskelssl.models.modalities import check_layout
from mmskelssl.models.targets import segments
from mmskelssl.models.transformer import TransformerBlock, init_linear, position_table, rotations
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError, check_at_least


@MODELS.register_module()
class SkeletonTransformer(nn.Module):
    """Every joint in every segment of time is a token; every person is encoded by itself.

    A view becomes a feature in steps, which masked methods call one by one: :meth:`persons` (who is encoded),
    :meth:`embed` (tokens with positions), a choice of tokens, :meth:`encode`, :meth:`pool`.

    Args:
        layout: Skeleton layout of the views.
        num_frames: T of the views. Weights for another length are resized when a pre-trained backbone is loaded.
        segment_length: Frames of a token.
        width: C of tokens.
        num_layers: Blocks.
        num_heads: Attention heads.
        ffn_channels: Hidden width of the feed-forward layers; by default four times the width.
        drop_path: Probability of skipping the last block's branches in training; it grows linearly from the first
            block's 0.
        time_encoding: ``learned``, a vector for each segment, or ``rotary``, which turns queries and keys by the
            segment's number (RoFormer) and takes views of any number of frames.
        pool: ``clip``, the mean over tokens and persons, or ``joints``, the mean over segments and persons of each
            joint, V times as wide.
        token_dropout: Probability of dropping a channel of a token before the mean, in training.
        absent_persons: ``encode``, as in the official programs: an absent person is a skeleton of zeros, and half of a
            mean over two; or ``skip``: the mean is over those who are there, and the others cost nothing.
        ffn: Feed-forward layers: ``gelu``, or ``swiglu``, gated ones, which are two thirds as wide.
        layer_scale: Start of a learned factor for each channel of what a block adds; None leaves it out.
        norm_eps: ε of the norms.
        in_channels: Coordinates a joint.
        with_cp: Whether activations are computed anew in the backward pass instead of kept (less memory, more time).

    Raises:
        ConfigError: If segments do not divide the frames, heads do not divide the width, or a value is unknown.
    """

    poolable: tuple[str, ...] = ('clip', 'joints')

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'ntu25',
        num_frames: int = 120,
        segment_length: int = 4,
        width: int = 256,
        num_layers: int = 8,
        num_heads: int = 8,
        ffn_channels: int | None = None,
        drop_path: float = 0.0,
        time_encoding: str = 'learned',
        pool: str = 'clip',
        token_dropout: float = 0.0,
        absent_persons: str = 'encode',
        ffn: str = 'gelu',
        layer_scale: float | None = None,
        norm_eps: float = 1e-5,
        in_channels: int = 3,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        check_at_least(1, self, num_frames=num_frames, segment_length=segment_length, num_layers=num_layers)
        _check_choice('time_encoding', time_encoding, 'learned', 'rotary')
        _check_choice('pool', pool, *self.poolable)
        _check_choice('ffn', ffn, 'gelu', 'swiglu')
        _check_choice('absent_persons', absent_persons, 'encode', 'skip')
        if not 0 <= drop_path < 1:
            raise ConfigError(f'SkeletonTransformer: drop_path={drop_path} is not within [0, 1).')
        self.layout = get_layout(layout)
        self.num_joints = self.layout.num_joints
        self.segment_length = segment_length
        self.num_frames = num_frames
        self.num_segments = self._check_frames(num_frames)
        self.width = width
        self.token_channels = segment_length * in_channels
        self.num_layers = num_layers + 1  # the embedding is before the first, and the norm counts
        self.pooling = pool
        self.token_dropout = nn.Dropout(token_dropout)
        self.absent_persons = absent_persons
        self.with_cp = with_cp
        self.out_channels = self.num_joints * width if pool == 'joints' else width
        rates = torch.linspace(0, drop_path, num_layers, device='cpu').tolist()
        # Gated layers have three matrices in the place of two; their width is rounded up to whole eights, as in DINOv2.
        ffn_channels = ffn_channels or (4 * width if ffn == 'gelu' else -(-(4 * width * 2 // 3) // 8) * 8)
        self.blocks = nn.ModuleList(
            TransformerBlock(width, num_heads, ffn_channels, rate, layer_scale, norm_eps, ffn) for rate in rates
        )
        self.norm = nn.LayerNorm(width, norm_eps)
        init_linear(self.blocks)
        self.embedding = nn.Linear(self.token_channels, width)
        self.joint_positions = position_table(self.num_joints, width)
        self.time_positions = position_table(self.num_segments, width) if time_encoding == 'learned' else None
        self.head_width = width // num_heads
        if time_encoding == 'rotary' and self.head_width % 2:
            raise ConfigError(
                f"time_encoding='rotary' turns pairs of channels, and a head has {self.head_width}: change width or "
                'num_heads.'
            )

    def forward(self, x: Tensor) -> Tensor:
        """Encodes views (N, M, T, V, C) into features (N, out_channels)."""
        persons, present = self.persons(x)
        return self.pool(self.encode(self.embed(persons)), present)

    def persons(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Those of views (N, M, T, V, C) who are encoded, (P, T, V, C), and which these are, (N, M) bool.

        With ``absent_persons='skip'`` these are the ones who are not zero everywhere, and at least the first.
        """
        check_layout(x, self.layout)
        if self.absent_persons == 'encode':
            present = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
        else:
            present = x.flatten(2).any(-1)
            present[:, 0] |= ~present.any(1)
        return self.select(x, present), present

    def select(self, values: Tensor, present: Tensor) -> Tensor:
        """The rows (P, ...) of (N, M, ...) that belong to the persons who are ``present`` (N, M)."""
        return values.flatten(0, 1) if self.absent_persons == 'encode' else values[present]

    def embed(self, persons: Tensor) -> Tensor:
        """Tokens (P, S * V, width) of persons (P, T, V, C), with their learned positions; joint by joint in a segment.

        Raises:
            ConfigError: If the persons have another number of frames than learned positions, or segments do not divide
                it.
        """
        num_frames = persons.shape[1]
        self._check_frames(num_frames)
        tokens = self.embedding(segments(persons, self.segment_length)) + self.joint_positions
        if self.time_positions is not None:
            if num_frames != self.num_frames:
                raise ConfigError(
                    f'A view has {num_frames} frames, but model.backbone.num_frames={self.num_frames}: set it to that '
                    'of the views in data_preprocessor.'
                )
            tokens = tokens + self.time_positions[:, None]
        return tokens.flatten(1, 2)

    def encode(self, tokens: Tensor, positions: Tensor | None = None) -> Tensor:
        """Tokens (P, K, width) of the last block, normalized.

        Args:
            tokens: Of :meth:`embed`, or some of them.
            positions: (P, K) which these are; None for all.
        """
        (last,) = deque(self.layers(tokens, positions), maxlen=1)
        return self.norm(last)

    def layers(self, tokens: Tensor, positions: Tensor | None = None) -> Iterator[Tensor]:
        """What each block gives, (P, K, width), one after the other; arguments are those of :meth:`encode`."""
        rotation = None
        if self.time_positions is None:
            places = torch.arange(tokens.shape[1], device=tokens.device)[None] if positions is None else positions
            rotation = rotations(places // self.num_joints, self.head_width)
        for block in self.blocks:
            tokens = checkpointed(block, tokens, None, rotation) if self.with_cp else block(tokens, rotation=rotation)
            yield tokens

    def pool(self, tokens: Tensor, present: Tensor) -> Tensor:
        """Features (N, out_channels) of all tokens (P, S * V, width) of the persons who are ``present`` (N, M)."""
        grid = self.token_dropout(tokens).unflatten(1, (-1, self.num_joints))
        features = grid.mean((1, 2)) if self.pooling == 'clip' else grid.mean(1).flatten(1)
        return self.over_persons(features, present)

    def over_persons(self, values: Tensor, present: Tensor) -> Tensor:
        """Mean (N, D) over each clip's persons of values (P, D) of those who are ``present`` (N, M)."""
        if self.absent_persons == 'encode':
            return values.unflatten(0, present.shape).mean(1)
        placed = values.new_zeros(*present.shape, values.shape[-1]).masked_scatter(present[..., None], values)
        return placed.sum(1) / present.sum(1, keepdim=True)

    def layer_of(self, name: str) -> int:
        """The layer of a parameter: 0 (embedding and positions), 1 and more (blocks), ``num_layers`` (the norm)."""
        part, _, rest = name.partition('.')
        if part == 'blocks':
            return int(rest.partition('.')[0]) + 1
        return self.num_layers if part == 'norm' else 0

    def resized(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Weights of a backbone for another number of frames, with its positions in time resized (bicubic)."""
        table = weights.get('time_positions')
        if table is None or len(table) == self.num_segments:
            return dict(weights)
        image = F.interpolate(table.float().T[None, :, :, None], (self.num_segments, 1), mode='bicubic')
        return dict(weights, time_positions=image[0, :, :, 0].T.to(table.dtype))

    def _check_frames(self, num_frames: int) -> int:
        """Segments of so many frames; raises a ConfigError if that is not a whole number."""
        if num_frames % self.segment_length:
            raise ConfigError(
                f'{num_frames} frames are not divisible into segments of {self.segment_length}: change '
                'model.backbone.segment_length, or num_frames there and in data_preprocessor.'
            )
        return num_frames // self.segment_length


def _check_choice(key: str, value: str, *choices: str) -> None:
    if value not in choices:
        raise ConfigError(f"SkeletonTransformer: {key}='{value}' is not one of {choices}.")
