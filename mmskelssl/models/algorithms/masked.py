"""The family of masked prediction: an encoder that sees few tokens, and a decoder that predicts from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from mmskelssl.models.algorithms.base import SelfSupervised
from mmskelssl.models.backbones import SkeletonTransformer
from mmskelssl.models.decoders.build import build_decoder
from mmskelssl.models.losses import masked_mean, squared_error
from mmskelssl.models.masking import gather_tokens, keep_lowest, motion_aware_noise, motion_scores, num_kept
from mmskelssl.models.targets import segments
from mmskelssl.utils.errors import ConfigError, check_at_least


class MaskedPrediction(SelfSupervised):
    """Base of the methods that hide tokens and predict something of them. A method says the :meth:`targets`.

    A step is embed, :meth:`choose`, encode what is visible, decode, and compare at the places that the decoder scores.
    Every person is masked and predicted by himself; the loss is the mean over a clip's persons, then over clips.

    Args:
        backbone: Config of a :class:`~mmskelssl.models.SkeletonTransformer`.
        decoder: Config of a decoder; it is handed the widths and the grid of tokens.
        mask_ratio: Share of a person's tokens that is hidden.
        mask_temperature: τ of the sampling by motion; 0 hides all tokens with the same probability.
        **kwargs: Of :class:`SelfSupervised`.

    Raises:
        ConfigError: If the backbone has no tokens, the decoder says what it is handed, or no token would be visible or
            hidden.
    """

    num_views = 1

    def __init__(
        self,
        backbone: dict | None = None,
        decoder: dict | None = None,
        *,
        mask_ratio: float = 0.9,
        mask_temperature: float = 0.8,
        **kwargs,
    ) -> None:
        super().__init__(backbone, **kwargs)
        check_at_least(0, self, mask_temperature=mask_temperature)
        self.mask_ratio = mask_ratio
        self.mask_temperature = mask_temperature
        self.decoder = nn.ModuleDict({name: self._build_decoder(name, decoder) for name in self.streams})

    def backbone(self, name: str) -> SkeletonTransformer:
        """The backbone of a stream."""
        return cast(SkeletonTransformer, self.encoder[name].get_submodule('backbone'))

    def target_channels(self, name: str) -> int:
        """Numbers to predict for a token of a stream; by default its coordinates."""
        return self.backbone(name).token_channels

    def _build_decoder(self, name: str, decoder: dict | None) -> nn.Module:
        backbone = self.backbone(name)
        if not isinstance(backbone, SkeletonTransformer):
            raise ConfigError(
                f'{type(self).__name__} hides tokens, and {type(backbone).__name__} has none: set '
                "model.backbone.type='SkeletonTransformer'."
            )
        tokens = backbone.num_segments * backbone.num_joints
        if not 0 < num_kept(tokens, self.mask_ratio) < tokens:
            raise ConfigError(
                f'model.mask_ratio={self.mask_ratio} leaves {num_kept(tokens, self.mask_ratio)} of {tokens} tokens '
                'visible: some have to be, and some hidden.'
            )
        if self.mask_temperature and backbone.num_segments < 2:
            raise ConfigError(
                f'model.mask_temperature={self.mask_temperature} compares segments and needs two segments at least: '
                'set it to 0, or raise model.backbone.num_frames.'
            )
        known = dict(
            in_channels=backbone.width,
            num_segments=backbone.num_segments,
            num_joints=backbone.num_joints,
            token_channels=self.target_channels(name),
        )
        return build_decoder(decoder or dict(type='TokenDecoder'), **known)

    def loss(
        self, inputs: Sequence[Tensor], data_samples: dict | None = None, uniform: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Losses ``loss_{stream}`` of a view (N, M, T, V, C).

        Args:
            inputs: The view, in a list.
            data_samples: With the clips' ``keys`` (N,), of which masks are drawn. Without, torch draws them.
            uniform: (N, M, S * V) in [0, 1), what masks are made of in the place of the clips' keys.
        """
        (view,) = inputs
        losses = {}
        for name, x in self.split(view).items():
            backbone, decoder = self.backbone(name), self.decoder[name]
            persons, present = backbone.persons(x)
            tokens = backbone.embed(persons)
            draws = self.draw(view, tokens.shape[1], data_samples) if uniform is None else uniform
            kept = self.choose(persons, backbone.select(draws, present), backbone.segment_length)
            visible = backbone.encode(gather_tokens(tokens, kept), kept)
            error = self.error(name, decoder(visible, kept), persons)
            of_person = masked_mean(error, decoder.scored(kept))
            losses[f'loss_{name}'] = backbone.over_persons(of_person[:, None], present).mean()
            self.embeddings[name] = backbone.over_persons(visible.detach().mean(1), present)
        return losses

    @torch.compiler.disable  # keys wrap around, which the compiler takes for an overflow
    def draw(self, view: Tensor, num_tokens: int, data_samples: dict | None) -> Tensor:
        """Random numbers (N, M, L) in [0, 1) of the clips of a view (N, M, ...): functions of their keys alone."""
        return self.random(view, data_samples).uniform(view.shape[1], num_tokens)

    def choose(self, persons: Tensor, uniform: Tensor, segment_length: int) -> Tensor:
        """Positions (P, K) of the visible tokens of persons (P, T, V, C), from draws (P, S * V)."""
        noise = uniform
        if self.mask_temperature > 0:
            scores = motion_scores(segments(persons, segment_length))
            noise = motion_aware_noise(scores, uniform, self.mask_temperature)
        return keep_lowest(noise, num_kept(uniform.shape[1], self.mask_ratio))

    def error(self, name: str, predicted: Tensor, persons: Tensor) -> Tensor:
        """Error (P, Q) of the predictions (P, Q, D) for persons (P, T, V, C) of a stream."""
        return squared_error(predicted, self.targets(name, persons))

    def targets(self, name: str, persons: Tensor) -> Tensor:
        """What is to be predicted, (P, Q, D), of persons (P, T, V, C) of a stream."""
        raise NotImplementedError
