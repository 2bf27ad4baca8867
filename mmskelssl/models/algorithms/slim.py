"""SLiM: hidden tokens and short views are assigned to a teacher's prototypes (NeurIPS 2026)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from mmskelssl.datasets.keyed_random import KeyedRandom
from mmskelssl.models.algorithms.momentum import MomentumEncoders, check_positive
from mmskelssl.models.backbones import ClassTokenTransformer
from mmskelssl.models.distributed import gather_clips
from mmskelssl.models.losses import koleo, prototype_cross_entropy
from mmskelssl.models.masking import group_tubes
from mmskelssl.models.prototype_targets import PrototypeTargets
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError

# Of a clip's randomness; views take the first branches.
_MASK_BRANCH = 1 << 20
_NUM_GLOBAL = 2
_HEADS = ('clip', 'token')


@MODELS.register_module()
class SLiM(MomentumEncoders):
    """DINO's loss between class tokens of different views, iBOT's on hidden tokens of the two long views.

    The student sees long and short views with hidden tokens, the teacher the long views as they are. Targets are the
    teacher's scores of prototypes, sharpened, in a way that uses all prototypes alike.

    Args:
        backbone: Config of a :class:`~mmskelssl.models.ClassTokenTransformer`.
        neck: Configs of the prototypes, by ``clip`` (of class tokens) and ``token``.
        num_views: The first two are long.
        mask_ratio: Range of the share of a view's tokens that is hidden.
        mask_probability: Of a long view to have hidden tokens; short ones always do.
        teacher_temperature: τ_t.
        warmup_temperature: τ_t at first; it rises for ``warmup_epochs``.
        warmup_epochs: See above.
        student_temperature: τ_s.
        koleo_weight: Of the term that spreads class tokens.
        assignment: Of :class:`~mmskelssl.models.prototype_targets.PrototypeTargets`.
        momentum: α of the teacher.
        **kwargs: Of :class:`MomentumEncoders`.

    Raises:
        ConfigError: If the backbone has no class token, the necks are others, or a value is out of its range.
    """

    def __init__(
        self,
        backbone: dict | None = None,
        neck: dict | None = None,
        *,
        num_views: int = 10,
        mask_ratio: tuple[float, float] = (0.5, 0.9),
        mask_probability: float = 0.5,
        teacher_temperature: float = 0.07,
        warmup_temperature: float = 0.04,
        warmup_epochs: int = 30,
        student_temperature: float = 0.1,
        koleo_weight: float = 0.1,
        assignment: str = 'sinkhorn',
        momentum: float | Mapping = 0.994,
        **kwargs,
    ) -> None:
        super().__init__(
            backbone, neck or {name: dict(type='PrototypeNeck') for name in _HEADS}, momentum=momentum, **kwargs
        )
        if num_views < _NUM_GLOBAL:
            raise ConfigError(f'model.num_views={num_views}: SLiM compares two long views at least.')
        if not 0 <= mask_ratio[0] <= mask_ratio[1] < 1:
            raise ConfigError(f'model.mask_ratio={mask_ratio} is not a range within [0, 1).')
        for name in self.streams:
            encoder = self.encoder[name]
            if not isinstance(encoder.backbone, ClassTokenTransformer):
                raise ConfigError(
                    f'SLiM needs a class token, and {type(encoder.backbone).__name__} has none: set '
                    "model.backbone.type='ClassTokenTransformer'."
                )
            if not isinstance(encoder.neck, nn.ModuleDict) or set(encoder.neck) != set(_HEADS):
                raise ConfigError(f'model.neck names others than {list(_HEADS)}: SLiM has prototypes of these two.')
        self.num_views = num_views
        self.mask_ratio = tuple(mask_ratio)
        self.mask_probability = mask_probability
        self.final_temperature = check_positive('teacher_temperature', teacher_temperature)
        self.warmup_temperature = check_positive('warmup_temperature', warmup_temperature)
        self.warmup_epochs = warmup_epochs
        self.student_temperature = check_positive('student_temperature', student_temperature)
        self.koleo_weight = koleo_weight
        self.to_targets = nn.ModuleDict(
            {which: PrototypeTargets(width, assignment) for which, width in self.widths.items()}
        )

    def backbone(self, name: str) -> ClassTokenTransformer:
        """The backbone of a stream."""
        return cast(ClassTokenTransformer, self.encoder[name].backbone)

    @property
    def teacher_temperature(self) -> float:
        """τ_t of the epoch."""
        part = min(self.epoch / self.warmup_epochs, 1.0) if self.warmup_epochs else 1.0
        return self.warmup_temperature + part * (self.final_temperature - self.warmup_temperature)

    def train(self, mode: bool = True) -> SLiM:
        super().train(mode)
        # Nothing is dropped from targets.
        self.encoder_k.eval()
        return self

    def loss(
        self,
        inputs: Sequence[Tensor],
        data_samples: dict | None = None,
        hidden: Sequence[Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Losses ``loss_{stream}_class``, ``_token`` and ``_koleo`` of views (N, M, T, V, C), the two long ones first.

        Args:
            inputs: The views.
            data_samples: With the clips' ``keys`` (N,), of which masks are drawn. Without, torch draws them.
            hidden: For each view which tokens (P, S * V) of its persons are hidden, in the place of the keys.
        """
        split = [self.split(view) for view in inputs]
        losses: dict[str, Tensor] = {}
        for name in self.streams:
            backbone = self.backbone(name)
            persons = [backbone.persons(view[name])[0] for view in split]
            masks = self.draw(name, persons, data_samples) if hidden is None else hidden
            losses |= self.stream_losses(name, persons, masks)
        return losses

    def stream_losses(self, name: str, persons: Sequence[Tensor], hidden: Sequence[Tensor]) -> dict[str, Tensor]:
        """Losses of the persons (P, T, V, C) of each view of a stream, of whom tokens (P, S * V) are hidden."""
        student = self.encoder[name]
        tokens = _encoded(self.backbone(name), persons, hidden)
        class_tokens = [x[:, 0] for x in tokens]
        class_targets, token_targets = self.targets(name, persons[:_NUM_GLOBAL], hidden[:_NUM_GLOBAL])
        scores = student.get_submodule('neck.clip')(torch.stack(class_tokens))
        pairs = [(t, s) for t in range(_NUM_GLOBAL) for s in range(len(persons)) if s != t]
        between = [prototype_cross_entropy(scores[s], class_targets[t], self.student_temperature) for t, s in pairs]

        mask = torch.stack(list(hidden[:_NUM_GLOBAL]))
        shown = torch.stack(tokens[:_NUM_GLOBAL])[:, :, 1:][mask]
        error = prototype_cross_entropy(
            student.get_submodule('neck.token')(shown), token_targets, self.student_temperature
        )
        # The mean over the hidden tokens of a view; views without any count, with a loss of 0.
        share = 1 / mask.sum(-1, keepdim=True).clamp(min=1).expand_as(mask)[mask]
        self.embeddings = {**self.embeddings, name: class_tokens[0].detach()}
        spread = sum(koleo(gather_clips(x)) for x in class_tokens[:_NUM_GLOBAL])
        return {
            f'loss_{name}_class': torch.stack(between).mean(),
            f'loss_{name}_token': (error * share).sum() / mask.shape[:2].numel(),
            f'loss_{name}_koleo': self.koleo_weight * spread,
        }

    @torch.no_grad()
    def targets(self, name: str, persons: Sequence[Tensor], hidden: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Probabilities (2, P, K) of the class tokens of the long views, and (H, K) of their hidden tokens."""
        teacher = self.encoder_k[name]
        tokens = teacher.backbone.encode(teacher.backbone.embed(torch.cat(list(persons))))
        shown = dict(clip=tokens[:, 0], token=tokens[:, 1:][torch.cat(list(hidden))])
        classes, places = (
            self.to_targets[f'{name}_{head}'](teacher.get_submodule(f'neck.{head}')(x), self.teacher_temperature)
            for head, x in shown.items()
        )
        return classes.unflatten(0, (_NUM_GLOBAL, -1)), places

    def to_enqueue(self) -> dict[str, Tensor]:
        return {which: cast(PrototypeTargets, targets).mean for which, targets in self.to_targets.items()}

    def after_update(self, batches: Sequence[Mapping[str, Tensor]]) -> None:
        """Moves the centres of targets, where there are any."""
        for which, targets in self.to_targets.items():
            cast(PrototypeTargets, targets).move(torch.cat([batch[which] for batch in batches]))

    def draw(self, name: str, persons: Sequence[Tensor], data_samples: dict | None) -> list[Tensor]:
        """Hidden tokens (P, S * V) of each view: functions of the clips' keys alone."""
        backbone = self.backbone(name)
        keys = (data_samples or {}).get('keys')
        if keys is None:
            keys = torch.randint(1 << 62, (len(persons[0]),), device=persons[0].device)
        random = KeyedRandom(keys.repeat_interleave(len(persons[0]) // len(keys))).fork(_MASK_BRANCH)
        masks = []
        for number, x in enumerate(persons):
            of_view = random.fork(number)
            is_masked = of_view.uniform() < (self.mask_probability if number < _NUM_GLOBAL else 1)
            ratio = of_view.uniform(low=self.mask_ratio[0], high=self.mask_ratio[1]) * is_masked
            masks.append(group_tubes(of_view, self.layout, x.shape[1] // backbone.segment_length, ratio))
        return masks


def _encoded(backbone: ClassTokenTransformer, persons: Sequence[Tensor], hidden: Sequence[Tensor]) -> list[Tensor]:
    """Class token and tokens (P, 1 + S * V, width) of each view; views of one length are encoded together."""
    out: dict[int, Tensor] = {}
    for length in dict.fromkeys(x.shape[1] for x in persons):
        places = [place for place, x in enumerate(persons) if x.shape[1] == length]
        together, masks = (torch.cat([values[place] for place in places]) for values in (persons, hidden))
        parts = backbone.encode(backbone.embed(together, masks)).chunk(len(places))
        out |= dict(zip(places, parts, strict=True))
    return [out[place] for place in range(len(persons))]
