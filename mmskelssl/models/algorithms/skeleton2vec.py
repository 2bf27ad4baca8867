"""Skeleton2vec: what a slow teacher makes of the whole clip is predicted from a few tokens (2401.00921)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from mmskelssl.models.algorithms.masked import MaskedPrediction
from mmskelssl.models.algorithms.momentum import MomentumEncoders
from mmskelssl.models.losses import in_full_precision
from mmskelssl.models.masking import keep_in_tubes, motion_aware_noise, motion_scores, num_kept
from mmskelssl.models.targets import segments
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError, check_at_least


@MODELS.register_module()
class Skeleton2vec(MaskedPrediction, MomentumEncoders):
    """Targets are the teacher's upper layers: each normalized over the width, their mean, normalized again.

    The teacher, ``self.encoder_k``, sees every token. In place of single tokens, joints are hidden for runs of segments
    ("tubes"), those that move more often. (The official program's published snapshot draws the joints of a run with the
    same probability: ``mask_temperature=0``.)

    Args:
        num_target_layers: K, the teacher's last blocks that are averaged; None for all.
        tube_length: Segments of a run; 1 hides tokens one by one, as MAMP.
        momentum: α of the teacher.
        **kwargs: Of :class:`MaskedPrediction`.

    Raises:
        ConfigError: If the teacher has fewer blocks, runs do not divide the segments, or no joint would be visible.
    """

    follows_in_eval = True

    def __init__(
        self,
        *args,
        num_target_layers: int | None = 8,
        tube_length: int = 5,
        momentum: float | Mapping = 0.9999,
        **kwargs,
    ) -> None:
        self.tube_length = tube_length
        super().__init__(*args, momentum=momentum, **kwargs)
        check_at_least(1, self, tube_length=tube_length)
        self.num_target_layers = num_target_layers
        for name in self.streams:
            self._check_stream(name)

    def _check_stream(self, name: str) -> None:
        backbone = self.backbone(name)
        if self.num_target_layers is not None and not 1 <= self.num_target_layers <= len(backbone.blocks):
            raise ConfigError(
                f'model.num_target_layers={self.num_target_layers}: the backbone has {len(backbone.blocks)} blocks.'
            )
        if backbone.num_segments % self.tube_length:
            raise ConfigError(
                f'model.tube_length={self.tube_length} does not divide the {backbone.num_segments} segments of a view: '
                'change it, or model.backbone.num_frames.'
            )
        if self.tube_length > 1 and not num_kept(backbone.num_joints, self.mask_ratio):
            raise ConfigError(
                f'model.mask_ratio={self.mask_ratio} leaves none of {backbone.num_joints} joints visible: lower it, or '
                'set model.tube_length=1.'
            )

    def target_channels(self, name: str) -> int:
        return self.backbone(name).width

    def choose(self, persons: Tensor, uniform: Tensor, segment_length: int) -> Tensor:
        """Positions (P, K) of the visible tokens of persons (P, T, V, C), of whose draws a run takes V."""
        if self.tube_length == 1:
            return super().choose(persons, uniform, segment_length)
        tokens = segments(persons, segment_length)
        runs, num_joints = tokens.shape[1] // self.tube_length, tokens.shape[2]
        noise = uniform[:, : runs * num_joints]
        if self.mask_temperature > 0:
            of_run = motion_scores(tokens).unflatten(1, (runs, self.tube_length, num_joints)).mean(2)
            noise = motion_aware_noise(of_run.flatten(1), noise, self.mask_temperature)
        count = num_kept(num_joints, self.mask_ratio)
        return keep_in_tubes(noise.unflatten(1, (runs, num_joints)), count, self.tube_length)

    @torch.no_grad()
    def targets(self, name: str, persons: Tensor) -> Tensor:
        """The teacher's averaged layers (P, S * V, width) of whole persons (P, T, V, C)."""
        teacher = self.encoder_k[name].backbone
        layers = deque(teacher.layers(teacher.embed(persons)), maxlen=self.num_target_layers)
        return normalized(torch.stack([normalized(layer) for layer in layers]).mean(0))


@in_full_precision
def normalized(x: Tensor) -> Tensor:
    """(..., D) with mean 0 and variance 1 over the width."""
    return F.layer_norm(x, x.shape[-1:])
