"""AMR (CVPR 2026): a decoder of few queries, and a loss that counts what moves."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmskelssl.models.algorithms.mamp import MAMP
from mmskelssl.models.losses import weighted_squared_error
from mmskelssl.models.targets import motion_weights
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError, check_at_least


@MODELS.register_module()
class AMR(MAMP):
    """Uniform masks, a :class:`~mmskelssl.models.QueryDecoder`, and errors weighted by motion, at visible places too.

    Args:
        decoder: Config; by default a ``QueryDecoder``.
        mask_temperature: Of :class:`MaskedPrediction`.
        windows: Lengths in frames of the windows that motion is measured in.
        softness: k of the weights 1 / (1 + k ē / (e + ε)); 0 weights all alike.
        **kwargs: Of :class:`MAMP`.

    Raises:
        ConfigError: If a window does not divide the frames.
    """

    def __init__(
        self,
        backbone: dict | None = None,
        decoder: dict | None = None,
        *,
        mask_temperature: float = 0.0,
        windows: Sequence[int] = (4, 8, 12),
        softness: float = 0.01,
        **kwargs,
    ) -> None:
        decoder = decoder or dict(type='QueryDecoder')
        super().__init__(backbone, decoder, mask_temperature=mask_temperature, **kwargs)
        check_at_least(0, self, softness=softness)
        for frames in {self.backbone(name).num_frames for name in self.streams}:
            if not windows or any(length < 1 or frames % length for length in windows):
                raise ConfigError(
                    f'model.windows={tuple(windows)}: give lengths that divide the {frames} frames of a view.'
                )
        self.windows = tuple(windows)
        self.softness = softness

    def error(self, name: str, predicted: Tensor, persons: Tensor) -> Tensor:
        with torch.no_grad():
            weight = motion_weights(persons, windows=self.windows, softness=self.softness)
        weight = self.cut(name, weight.expand_as(persons))
        return weighted_squared_error(predicted, self.targets(name, persons), weight)
