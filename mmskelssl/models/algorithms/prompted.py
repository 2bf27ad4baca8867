"""Passes of an encoder that prompts tell apart, and a decoder of what it makes of frames: PCM³'s."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from mmskelssl.datasets.keyed_random import KeyedRandom
from mmskelssl.models.algorithms.momentum import MomentumContrast
from mmskelssl.models.decoders.build import build_decoder
from mmskelssl.models.losses import masked_mean, squared_error
from mmskelssl.models.parts import draw_hidden_parts, part_table
from mmskelssl.models.prompts import Prompts
from mmskelssl.utils.errors import ConfigError, check_at_least

# By the names of streams.
Streams = dict[str, Tensor]


class PromptedContrast(MomentumContrast):
    """Base of the methods whose encoder contrasts views and predicts frames, with prompts for each.

    Both encoders of a stream are given its prompts as they are; none of them is an average.

    Args:
        decoder: Config, by default of a :class:`~mmskelssl.models.FrameDecoder`; the model says its widths.
        prompt_channels: Of a feature's prompt; 0 for no prompts at all.
        mask_ratio: Share of the parts that is hidden.
        mask_blocks: Blocks of frames, each with hidden parts of its own.
        reconstruction_weight: Of the decoder's error.
        **kwargs: Of :class:`MomentumContrast`; the backbone has features of every frame, as ``BiGRU`` has.

    Raises:
        ConfigError: If the backbone has none, the layout has no parts, the decoder says its widths, or a value is out
            of its range.
    """

    # Passes of the trained encoder, each with a prompt for its views.
    passes: tuple[str, ...]

    def __init__(
        self,
        *args,
        decoder: dict | None = None,
        prompt_channels: int = 256,
        mask_ratio: float = 0.6,
        mask_blocks: int = 8,
        reconstruction_weight: float = 40.0,
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        part_table(self.layout)
        if not 0 < mask_ratio < 1:
            raise ConfigError(f'model.mask_ratio={mask_ratio}: some parts have to be hidden, and some visible.')
        check_at_least(1, self, mask_blocks=mask_blocks)
        check_at_least(0, self, reconstruction_weight=reconstruction_weight)
        self.mask_ratio = mask_ratio
        self.mask_blocks = mask_blocks
        self.reconstruction_weight = reconstruction_weight
        self.has_prompts = prompt_channels > 0
        self.decoder, self.prompts = nn.ModuleDict(), nn.ModuleDict()
        for name in self.streams:
            backbone: Any = self.encoder[name].backbone
            if not hasattr(backbone, 'frames'):
                raise ConfigError(
                    f'{type(self).__name__} decodes features of every frame, and {type(backbone).__name__} has none: '
                    'take BiGRU as the backbone.'
                )
            width, numbers = backbone.out_channels, backbone.num_features
            config = decoder or dict(type='FrameDecoder')
            self.decoder[name] = build_decoder(config, in_channels=width, out_channels=numbers)
            self.prompts[name] = Prompts(self.passes, self._frame(numbers), width, prompt_channels)

    def _frame(self, numbers: int) -> tuple[int, int, int]:
        """(V, C, M) of so many numbers: the order in which encoder and decoder have them."""
        return self.layout.num_joints, numbers // (self.layout.num_joints * self.num_persons), self.num_persons

    def _prompts(self, name: str) -> Prompts:
        return cast(Prompts, self.prompts[name])

    def contrast(self, encoders: nn.ModuleDict, views: Streams, which: str, place: Tensor) -> Streams:
        """Entity to embedding (N, D) of unit length of views (N, M, T, V, C), in the named pass."""
        features = {a: encoders[a].backbone(self._prompts(a).to_views(x, which)) for a, x in views.items()}
        return self.contrast_features(encoders, features, place)

    def contrast_features(self, encoders: nn.ModuleDict, features: Streams, place: Tensor) -> Streams:
        """Entity to embedding (N, D) of unit length of features (N, width), with a prompt from ``place`` (N,) on."""
        prompted = {a: self._prompts(a).to_features(x, 'contrast', place) for a, x in features.items()}
        return self.encode_features(encoders, prompted)

    def predict(self, views: Streams, hidden: Tensor, place: Tensor) -> tuple[Streams, Streams, Streams]:
        """Hides places (N, M, T, V) of views (N, M, T, V, C), in the pass ``masked``, and predicts them.

        Returns:
            Features (N, width) of what is shown, the predicted views, and the given ones with predictions in the hidden
            places. From the last, gradients reach the decoders where there are prompts, and nothing otherwise.
        """
        hidden = hidden[..., None]
        shown = {a: self._prompts(a).to_views(x.masked_fill(hidden, 0), 'masked') for a, x in views.items()}
        frames = {a: self.encoder[a].backbone.frames(x) for a, x in shown.items()}
        prompted = {a: self._prompts(a).to_features(x, 'prediction', place) for a, x in frames.items()}
        predicted = self.decode(prompted)
        if self.has_prompts:
            filling = self.decode({a: x.detach() for a, x in prompted.items()})
        else:
            filling = {a: x.detach() for a, x in predicted.items()}
        features = {a: self.encoder[a].backbone.over_frames(x) for a, x in frames.items()}
        return features, predicted, {a: torch.where(hidden, filling[a], x) for a, x in views.items()}

    def decode(self, frames: Streams) -> Streams:
        """Views (N, M, T, V, C) that the decoders make of features (N, T, width) of every frame."""
        decoded = {a: self.decoder[a](x) for a, x in frames.items()}
        return {a: x.unflatten(-1, self._frame(x.shape[-1])).permute(0, 4, 1, 2, 3) for a, x in decoded.items()}

    def reconstruction(self, predicted: Streams, whole: Streams, hidden: Tensor) -> dict[str, Tensor]:
        """``loss_{stream}_reconstruction``, the mean squared error at hidden places (N, M, T, V)."""
        errors = {a: squared_error(predicted[a], x).flatten(1) for a, x in whole.items()}
        means = {a: masked_mean(error, hidden.flatten(1)).mean() for a, error in errors.items()}
        return {f'loss_{a}_reconstruction': self.reconstruction_weight * mean for a, mean in means.items()}

    def draw_hidden(self, random: KeyedRandom, view: Tensor) -> Tensor:
        """Places (N, M, T, V) to hide in a view (N, M, T, V, C): parts of the first person, as in the program."""
        parts = draw_hidden_parts(random, self.layout, view.shape[2], self.mask_ratio, self.mask_blocks)
        is_first = torch.arange(self.num_persons, device=view.device) == 0
        return parts[:, None] & is_first[:, None, None]

    def draw_places(self, random: KeyedRandom) -> dict[str, Tensor]:
        """(N,) where prompts stand in the features of each pass, of the ``key`` and of the ``prediction``."""
        number = min(self._prompts(name).num_places for name in self.streams)
        return {name: random.integers(number) for name in (*self.passes, 'key', 'prediction')}
