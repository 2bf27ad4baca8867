"""Linear evaluation without a learning rate: logistic regression on standardized features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from mmengine.config import Config

from mmskelssl.datasets.held_out import held_out
from mmskelssl.evaluation.features import Features
from mmskelssl.evaluation.functional import logistic_scores
from mmskelssl.evaluation.pretrained_model import PretrainedModel
from mmskelssl.evaluation.protocols.base import Measurement, Protocol
from mmskelssl.evaluation.results import ProtocolCard
from mmskelssl.evaluation.workspace import Workspace
from mmskelssl.registry import PROTOCOLS
from mmskelssl.utils.errors import ConfigError


@PROTOCOLS.register_module()
class LogisticProbe(Protocol):
    """Logistic regression on features of whole clips in the test view, standardized by the training features.

    A recipe by SGD suits features of one scale: what is ten times smaller hardly learns. This one is the same for
    coordinates, untrained and trained encoders. The penalty is the one with the lowest cross-entropy on the held-out
    training clips (see :func:`~mmskelssl.datasets.held_out.held_out`); then all training clips are fitted.

    Args:
        name: By which it is asked for.
        cfg: Not used.
        strengths: Of the penalty, to choose from (see
            :func:`~mmskelssl.evaluation.functional.logistic.logistic_scores`); the first where no clip can be held out.

    Raises:
        ConfigError: If there is no strength, or one that is not above 0.
    """

    def __init__(self, name: str, cfg: Config, strengths: Sequence[float] = (0.01,)) -> None:
        super().__init__(name, cfg, seeds=())
        if not strengths or min(strengths) <= 0:
            raise ConfigError(f"protocol.strengths={list(strengths)} of '{name}': give one or more numbers above 0.")
        self.strengths = list(strengths)

    def card(self, workspace: Workspace, modalities: Sequence[str]) -> ProtocolCard:
        return replace(
            super().card(workspace, modalities),
            trained='classifier',
            features='standardized',
            schedule=dict(optimizer='L-BFGS', strengths=self.strengths),
        )

    def measure(self, workspace: Workspace, modalities: Sequence[str]) -> Measurement:
        (modality,) = modalities
        model = workspace.model
        (train, _), (test, test_file) = (workspace.features(modality, side) for side in ('train', 'test'))
        num_classes = len(model.test_clips.store.classes)
        chosen = self._choose(model, train, num_classes)
        scores = logistic_scores(
            train.values[0], train.labels, test.values[0], chosen.get('strength', self.strengths[0]), num_classes
        )
        return Measurement(scores[None], files=dict(test_features=test_file), chosen=chosen)

    def _choose(self, model: PretrainedModel, train: Features, num_classes: int) -> dict:
        """The strength, as the card has it; empty if the first one stands."""
        clips = model.train_clips
        apart = torch.from_numpy(held_out(clips.store, clips.indices))
        if not apart.any() or len(self.strengths) == 1:
            return {}
        (features,), labels = train.values, train.labels
        losses = {
            strength: F.cross_entropy(
                logistic_scores(features[~apart], labels[~apart], features[apart], strength, num_classes), labels[apart]
            ).item()
            for strength in self.strengths
        }
        return dict(
            strength=min(losses, key=lambda strength: losses[strength]),
            held_out_clips=int(apart.sum()),
            held_out_loss={f'{strength:g}': round(loss, 3) for strength, loss in losses.items()},
        )
