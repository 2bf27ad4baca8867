"""SLiM: hidden tokens and short views are assigned to a teacher's prototypes (NeurIPS 2026)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor

from mmskelssl.models.algorithms.self_distillation import SelfDistillation
from mmskelssl.models.backbones import ClassTokenTransformer
from mmskelssl.models.distributed import gather_clips
from mmskelssl.models.losses import class_token_loss, hidden_token_loss, koleo
from mmskelssl.models.tubes import group_tubes
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError

_NUM_GLOBAL = 2


@MODELS.register_module()
class SLiM(SelfDistillation):
    """DINO's loss between class tokens of different views, iBOT's on hidden tokens of the two long views.

    The student sees long and short views with hidden tokens, the teacher the long views as they are, all of a clip's
    first person, where :class:`~mmskelssl.datasets.transforms.NestedCrops` puts the one that it draws.

    Args:
        backbone: Config of a :class:`~mmskelssl.models.ClassTokenTransformer`.
        num_views: The first two are long.
        mask_ratio: Range of the share of a view's tokens that is hidden.
        mask_probability: Of a long view to have hidden tokens; short ones always do.
        koleo_weight: Of the term that spreads class tokens.
        momentum: α of the teacher.
        **kwargs: Of :class:`SelfDistillation`; ``neck`` has the prototypes of class tokens, ``clip``, and of ``token``.

    Raises:
        ConfigError: If the backbone has no class token, or a value is out of its range.
    """

    heads = ('clip', 'token')

    def __init__(
        self,
        *args,
        num_views: int = 10,
        mask_ratio: tuple[float, float] = (0.5, 0.9),
        mask_probability: float = 0.5,
        koleo_weight: float = 0.1,
        momentum: float | Mapping = 0.994,
        **kwargs,
    ) -> None:
        super().__init__(*args, momentum=momentum, **kwargs)
        if num_views < _NUM_GLOBAL:
            raise ConfigError(f'model.num_views={num_views}: SLiM compares two long views at least.')
        if not 0 <= mask_ratio[0] <= mask_ratio[1] < 1:
            raise ConfigError(f'model.mask_ratio={mask_ratio} is not a range within [0, 1).')
        for name in self.streams:
            if not isinstance(self.backbone(name), ClassTokenTransformer):
                has = type(self.backbone(name)).__name__
                raise ConfigError(f"SLiM needs a class token, and {has} has none: set type='ClassTokenTransformer'.")
        self.num_views = num_views
        self.mask_ratio = tuple(mask_ratio)
        self.mask_probability = mask_probability
        self.koleo_weight = koleo_weight

    def backbone(self, name: str) -> ClassTokenTransformer:
        """The backbone of a stream."""
        return cast(ClassTokenTransformer, self.encoder[name].backbone)

    def loss(
        self, inputs: Sequence[Tensor], data_samples: dict | None = None, hidden: Sequence[Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Losses ``loss_{stream}_class``, ``_token`` and ``_koleo`` of views (N, M, T, V, C), the two long ones first.

        Args:
            inputs: The views.
            data_samples: With the clips' ``keys`` (N,), of which masks are drawn. Without, torch draws them.
            hidden: For each view which tokens (N, S * V) are hidden, in the place of the keys.
        """
        split, losses = [self.split(view) for view in inputs], {}
        for name in self.streams:
            persons = [view[name][:, 0] for view in split]
            masks = self.draw(name, inputs, data_samples) if hidden is None else hidden
            tokens = self.backbone(name).encode_views(persons, masks)
            class_tokens = torch.stack([x[:, 0] for x in tokens])
            mask = torch.stack(list(masks[:_NUM_GLOBAL]))
            shown = torch.stack(tokens[:_NUM_GLOBAL])[:, :, 1:][mask]
            classes, places = self.targets(name, persons[:_NUM_GLOBAL], mask)
            tau = self.student_temperature
            spread = sum(koleo(gather_clips(x)) for x in class_tokens[:_NUM_GLOBAL])
            losses[f'loss_{name}_class'] = class_token_loss(self.scores(name, 'clip', class_tokens), classes, tau)
            losses[f'loss_{name}_token'] = hidden_token_loss(self.scores(name, 'token', shown), places, mask, tau)
            losses[f'loss_{name}_koleo'] = self.koleo_weight * spread
            self.embeddings[name] = class_tokens[0].detach()
        return losses

    @torch.no_grad()
    def targets(self, name: str, persons: Sequence[Tensor], hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities (2, N, K) of class tokens of the long views, and (H, K) of their hidden tokens (2, N, L)."""
        teacher = self.encoder_k[name].backbone
        tokens = teacher.encode(teacher.embed(torch.cat(list(persons)))).unflatten(0, (_NUM_GLOBAL, -1))
        classes = self.target(name, 'clip', tokens[:, :, 0].flatten(0, 1))
        return classes.unflatten(0, (_NUM_GLOBAL, -1)), self.target(name, 'token', tokens[:, :, 1:][hidden])

    def draw(self, name: str, views: Sequence[Tensor], data_samples: dict | None) -> list[Tensor]:
        """Hidden tokens (N, S * V) of each view (N, M, T, V, C): functions of the clips' keys alone."""
        random, length = self.random(views[0], data_samples), self.backbone(name).segment_length
        masks = []
        for number, view in enumerate(views):
            of_view = random.fork(number)
            is_masked = of_view.uniform() < (self.mask_probability if number < _NUM_GLOBAL else 1)
            ratio = of_view.uniform(low=self.mask_ratio[0], high=self.mask_ratio[1]) * is_masked
            masks.append(group_tubes(of_view, self.layout, view.shape[2] // length, ratio))
        return masks
