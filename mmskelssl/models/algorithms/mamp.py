"""MAMP: masked motion prediction (Mao et al., ICCV 2023), and the masked auto-encoder that it is compared with."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from mmskelssl.models.algorithms.masked import MaskedPrediction
from mmskelssl.models.targets import motion, normalize_clip, normalize_segments, segments
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError, check_at_least


@MODELS.register_module()
class MAMP(MaskedPrediction):
    """Tokens that move are hidden more often, and what is predicted of them is their motion.

    ``target='joint', mask_temperature=0`` is the paper's MAE.

    Args:
        target: ``motion`` or ``joint``.
        motion_stride: k of the motion x[t + k] - x[t].
        normalize: What targets are normalized over: ``segment``, the numbers of a token; ``clip``, the frames of a
            clip, for each coordinate of each joint; None leaves them.
        **kwargs: Of :class:`MaskedPrediction`.

    Raises:
        ConfigError: If a value is unknown, or the stride is as long as the view.
    """

    def __init__(
        self,
        *args,
        target: str = 'motion',
        motion_stride: int = 1,
        normalize: str | None = 'segment',
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        if target not in ('motion', 'joint'):
            raise ConfigError(f"model.target='{target}' is neither 'motion' nor 'joint'.")
        if normalize not in ('segment', 'clip', None):
            raise ConfigError(f"model.normalize='{normalize}' is neither 'segment' nor 'clip' nor None.")
        check_at_least(1, self, motion_stride=motion_stride)
        for name in self.streams:
            if motion_stride >= self.backbone(name).num_frames:
                raise ConfigError(
                    f'model.motion_stride={motion_stride} leaves no motion in the {self.backbone(name).num_frames} '
                    'frames of a view: lower it.'
                )
        self.target = target
        self.motion_stride = motion_stride
        self.normalize = normalize

    @torch.no_grad()
    def targets(self, name: str, persons: Tensor) -> Tensor:
        """Motion, or coordinates, of the frames of each prediction, normalized: (P, Q, D)."""
        x = motion(persons, self.motion_stride) if self.target == 'motion' else persons
        x = normalize_clip(x) if self.normalize == 'clip' else x
        tokens = self.cut(name, x)
        return normalize_segments(tokens) if self.normalize == 'segment' else tokens

    def cut(self, name: str, x: Tensor) -> Tensor:
        """(P, T, V, C) as (P, Q, D): the frames that each prediction of a stream's decoder is about."""
        frames = self.backbone(name).segment_length * cast(int, self.decoder[name].segments_per_prediction)
        return segments(x, frames).flatten(1, 2)
