"""Modalities put together at test time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from mmengine.config import Config

from mmskelssl.evaluation.functional import check_aligned, fuse_scores
from mmskelssl.evaluation.pretrained_model import PretrainedModel
from mmskelssl.evaluation.protocols.base import Measurement, Protocol
from mmskelssl.evaluation.results import ProtocolCard
from mmskelssl.evaluation.workspace import Workspace
from mmskelssl.registry import PROTOCOLS
from mmskelssl.utils.errors import ConfigError


@PROTOCOLS.register_module()
class Ensemble(Protocol):
    """The weighted mean of the modalities' scores by another protocol, run by run.

    Args:
        name: By which it is asked for.
        cfg: Not used.
        member: The protocol whose scores are fused.
        modalities: Which.
        weights: One for each modality; None for equal ones.
    """

    def __init__(
        self,
        name: str,
        cfg: Config,
        member: Protocol,
        modalities: Sequence[str] = ('joint', 'motion', 'bone'),
        weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__(name, cfg, member.seeds)
        if weights is not None and len(weights) != len(modalities):
            raise ConfigError(
                f"Protocol '{name}' fuses {len(modalities)} modalities, but has {len(weights)} weights: {weights}."
            )
        self.member = member
        self.modalities = tuple(modalities)
        self.weights = weights
        self.topk = member.topk

    @property
    def requires(self) -> tuple[Protocol, ...]:
        return (self.member,)

    def check(self, model: PretrainedModel) -> None:
        missing = [modality for modality in self.modalities if modality not in model.modalities]
        if missing:
            raise ConfigError(
                f"Protocol '{self.name}' fuses {', '.join(self.modalities)}, but {model.checkpoint} has no "
                f'{", ".join(missing)}. Fuse the predictions of several checkpoints with '
                'tools/analysis_tools/fuse_predictions.py.'
            )

    def groups(self, model: PretrainedModel) -> list[tuple[str, ...]]:
        return [self.modalities]

    def card(self, workspace: Workspace, modalities: Sequence[str]) -> ProtocolCard:
        fusion = f'mean of scores, weights {self.weights or "equal"}'
        return replace(self.member.card(workspace, modalities), fusion=fusion)

    def measure(self, workspace: Workspace, modalities: Sequence[str]) -> Measurement:
        predictions = {modality: workspace.predictions(self.member.name, modality) for modality in modalities}
        check_aligned(predictions)
        weights = self.weights or [1.0] * len(modalities)
        scores = fuse_scores([prediction['scores'] for prediction in predictions.values()], weights)
        remarks = [f'Weights: {", ".join(f"{m} {w:g}" for m, w in zip(modalities, weights, strict=True))}.']
        return Measurement(torch.from_numpy(scores), remarks=remarks if len(modalities) > 1 else [])
