"""PCM³ (Zhang et al., Prompted Contrast with Masked Motion Modeling, ACM MM 2023).

The equations are those of the official program: of the paper, only abstract and tables were read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mmskelssl.models.algorithms.momentum import Entity, check_positive
from mmskelssl.models.algorithms.prompted import PromptedContrast, Streams
from mmskelssl.models.losses import info_nce, mutual_distillation
from mmskelssl.models.mixing import Mix, check_fits, draw_mix, draw_regions
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import check_at_least


class Draws(NamedTuple):
    """What is drawn for N clips.

    Args:
        hidden: (N, M, T, V) bool, what the masked view does not show.
        mix: Of the query's view with that of another clip.
        places: (N,) where prompts stand in the features, of each pass, of the ``key`` and of the ``prediction``.
    """

    hidden: Tensor
    mix: Mix
    places: Mapping[str, Tensor]


@MODELS.register_module()
class PCM3(PromptedContrast):
    """A query in four forms: as it is, with hidden parts, with these filled in by a decoder, mixed with another clip.

    Takes views in the order query, key, masked. Streams learn by themselves.

    Args:
        mix_parts: Fewest and most parts of a region that is mixed.
        mix_blocks: Fewest and most blocks of four frames of such a region.
        distill_weight: Of the forms' divergence from their key.
        teacher_temperature: τ_t of the keys.
        student_temperature: τ_s of the queries.
        **kwargs: Of :class:`PromptedContrast`.

    Raises:
        ConfigError: If a value is out of its range.
    """

    num_views = 3
    passes = ('query', 'masked', 'reconstructed', 'mixed')

    def __init__(
        self,
        *args,
        mix_parts: tuple[int, int] = (2, 3),
        mix_blocks: tuple[int, int] = (7, 11),
        distill_weight: float = 1.0,
        teacher_temperature: float = 0.05,
        student_temperature: float = 0.1,
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        check_fits('mix_parts', mix_parts, 'parts', len(self.layout.groups))
        check_at_least(0, self, distill_weight=distill_weight)
        self.mix_parts = mix_parts
        self.mix_blocks = mix_blocks
        self.distill_weight = distill_weight
        self.teacher_temperature = check_positive('teacher_temperature', teacher_temperature)
        self.student_temperature = check_positive('student_temperature', student_temperature)

    def loss(
        self, inputs: Sequence[Tensor], data_samples: dict | None = None, draws: Draws | None = None
    ) -> dict[str, Tensor]:
        """Losses ``loss_{entity}``, also with ``_masked``, ``_reconstructed`` and ``_mixed``, and of each stream
        ``_distill`` and ``_reconstruction``, of three views, each (N, M, T, V, C).

        Args:
            inputs: The views.
            data_samples: With the clips' ``keys`` (N,), of which all is drawn. Without, torch draws them.
            draws: In the place of the keys.
        """
        hidden, mix, places = draws or self.draw(inputs[0], data_samples)
        query, key, whole = (self.split(view) for view in inputs)
        with torch.no_grad():
            self.keys = self.contrast(self.encoder_k, key, 'query', places['key'])
        features, predicted, completed = self.predict(whole, hidden, places['prediction'])
        views = dict(query=query, reconstructed=completed, mixed={a: mix.of_views(x) for a, x in query.items()})
        forms = {name: self.contrast(self.encoder, x, name, places[name]) for name, x in views.items()}
        forms['masked'] = self.contrast_features(self.encoder, features, places['masked'])
        return self.objective(forms, mix) | self.reconstruction(predicted, whole, hidden)

    def objective(self, forms: Mapping[str, Streams], mix: Mix) -> dict[str, Tensor]:
        """The losses of the query's forms, name to entity to embedding (N, D); mixed ones have a mixed key."""
        losses = {}
        for a, query in self.entities(forms['query']).items():
            entities = {a: query}
            for form in ('masked', 'reconstructed'):
                entities[f'{a}_{form}'] = Entity(forms[form][a], query.key, query.past)
            directions = [*((a, name) for name in entities), (f'{a}_mixed', f'{a}_mixed')]
            entities[f'{a}_mixed'] = Entity(forms['mixed'][a], mix.of_embeddings(query.key), query.past)
            for name, entity in entities.items():
                losses[f'loss_{name}'] = info_nce(entity.positive, entity.negatives, self.temperature)
            losses[f'loss_{a}_distill'] = self.distill_weight * mutual_distillation(
                entities, directions, self.bank.size, self.teacher_temperature, self.student_temperature
            )
        return losses

    @torch.compiler.disable  # keys wrap around, which the compiler takes for an overflow
    def draw(self, view: Tensor, data_samples: dict | None) -> Draws:
        """What is drawn for the clips of a view (N, M, T, V, C)."""
        random = self.random(view, data_samples)
        hidden, places = self.draw_hidden(random, view), self.draw_places(random)
        region = draw_regions(random, self.layout, view.shape[2], parts=self.mix_parts, blocks=self.mix_blocks)
        return Draws(hidden, draw_mix(random, region), places)
