"""Modalities put together at test time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from mmengine.config import Config

from mmskelssl.datasets.label_draws import draw_ranks
from mmskelssl.evaluation.features import Features
from mmskelssl.evaluation.functional import check_aligned, choose_weights, fuse_scores, train_linear_probes
from mmskelssl.evaluation.pretrained_model import Subject
from mmskelssl.evaluation.protocols.base import Measurement, Protocol
from mmskelssl.evaluation.protocols.feature_probe import linear_recipe
from mmskelssl.evaluation.results import ProtocolCard
from mmskelssl.evaluation.workspace import Workspace
from mmskelssl.registry import PROTOCOLS

_HELD_OUT = 'held-out'


@PROTOCOLS.register_module()
class Ensemble(Protocol):
    """The weighted mean of the modalities' scores by another protocol, run by run.

    Args:
        name: By which it is asked for.
        cfg: Not used.
        member: The protocol whose scores are fused.
        modalities: Which.
        weights: One for each modality; None for equal ones; ``held-out`` for those by which most of a tenth of the
            training clips are classified right, by linear probes trained on the features of the others.
    """

    def __init__(
        self,
        name: str,
        cfg: Config,
        member: Protocol,
        modalities: Sequence[str] = ('joint', 'motion', 'bone'),
        weights: Sequence[float] | str | None = None,
    ) -> None:
        super().__init__(name, cfg, member.seeds)
        if weights not in (None, _HELD_OUT) and len(weights) != len(modalities):
            raise ValueError(f"Protocol '{name}': {weights} are no weights of {modalities}.")
        self.member = member
        self.modalities = tuple(modalities)
        self.weights = weights
        self.topk = member.topk

    @property
    def requires(self) -> tuple[Protocol, ...]:
        return (self.member,)

    def check(self, subject: Subject) -> None:
        missing = [modality for modality in self.modalities if modality not in subject.modalities]
        if missing:
            raise ValueError(
                f"Protocol '{self.name}' fuses {', '.join(self.modalities)}, but {subject.checkpoint} has no "
                f'{", ".join(missing)}. Fuse the predictions of several checkpoints with '
                'tools/analysis_tools/fuse_predictions.py.'
            )

    def groups(self, subject: Subject) -> list[tuple[str, ...]]:
        return [self.modalities]

    def card(self, workspace: Workspace, modalities: Sequence[str]) -> ProtocolCard:
        weights = 'chosen on held-out training clips' if self.weights == _HELD_OUT else self.weights or 'equal'
        return replace(self.member.card(workspace, modalities), fusion=f'mean of scores, weights {weights}')

    def measure(self, workspace: Workspace, modalities: Sequence[str]) -> Measurement:
        predictions = {modality: workspace.predictions(self.member.name, modality) for modality in modalities}
        check_aligned(predictions)
        weights = self._weights(workspace, modalities)
        scores = fuse_scores([prediction['scores'] for prediction in predictions.values()], weights)
        remarks = [f'Weights: {", ".join(f"{m} {w:g}" for m, w in zip(modalities, weights, strict=True))}.']
        return Measurement(torch.from_numpy(scores), remarks=remarks if len(modalities) > 1 else [])

    def _weights(self, workspace: Workspace, modalities: Sequence[str]) -> list[float]:
        if self.weights != _HELD_OUT:
            return list(self.weights or [1.0] * len(modalities))
        features = [workspace.features(modality, 'train')[0] for modality in modalities]
        ranks = draw_ranks(features[0].names, draw=0)
        held_out = torch.from_numpy(ranks < max(1, len(ranks) // 10))
        scores = [self._held_out_scores(one, held_out) for one in features]
        return choose_weights(scores, features[0].labels[held_out].numpy())

    def _held_out_scores(self, features: Features, held_out: torch.Tensor) -> np.ndarray:
        """(seeds, H, K) scores of the clips held out, by probes trained on the others."""
        recipe, rate = linear_recipe(self.member.cfg)
        labels, num_classes = features.labels[~held_out], int(features.labels.max()) + 1
        train = features.values[:, ~held_out]
        probes = train_linear_probes(train, labels, num_classes, recipe, [rate], self.seeds)
        return probes.scores(features.values[0, held_out])[:, 0].numpy()
