"""Linear evaluation without a learning rate: logistic regression on standardized features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import is_main_process
from torch import Tensor

from mmskelssl.datasets.held_out import held_out
from mmskelssl.evaluation.functional import logistic_scores
from mmskelssl.evaluation.protocols.base import Measurement, Protocol
from mmskelssl.evaluation.results import ProtocolCard
from mmskelssl.evaluation.workspace import Workspace
from mmskelssl.registry import PROTOCOLS
from mmskelssl.utils.errors import ConfigError
from mmskelssl.utils.progress import track


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
            :func:`~mmskelssl.evaluation.functional.logistic.logistic_scores`); the middle one where no clip can be held
            out.

    Raises:
        ConfigError: If there is no strength, or one that is not above 0.
    """

    def __init__(self, name: str, cfg: Config, strengths: Sequence[float] = (0.01,)) -> None:
        super().__init__(name, cfg, seeds=())
        if not strengths or min(strengths) <= 0:
            raise ConfigError(f"protocol.strengths={list(strengths)} of '{name}': give one or more numbers above 0.")
        self.strengths = sorted(strengths)

    def card(self, workspace: Workspace, modalities: Sequence[str]) -> ProtocolCard:
        return replace(
            super().card(workspace, modalities),
            trained='classifier',
            features='standardized',
            schedule=dict(optimizer='L-BFGS', strengths=self.strengths),
        )

    def measure(self, workspace: Workspace, modalities: Sequence[str]) -> Measurement:
        (modality,) = modalities
        model, device = workspace.model, get_device()
        (train, _), (test, test_file) = (workspace.features(modality, side) for side in ('train', 'test'))
        (features,), labels = train.values.to(device), train.labels.to(device)
        num_classes, clips = len(model.test_clips.store.classes), model.train_clips
        chosen = self._choose(features, labels, held_out(clips.store, clips.indices), num_classes)
        strength = chosen.get('strength', self.strengths[len(self.strengths) // 2])
        scores = logistic_scores(features, labels, test.values[0].to(device), strength, num_classes)
        remarks = [] if chosen else [f'The penalty is {strength:g}: it was not chosen on held-out clips.']
        return Measurement(scores[None].cpu(), remarks=remarks, files=dict(test_features=test_file), chosen=chosen)

    def _choose(self, features: Tensor, labels: Tensor, is_apart: np.ndarray, num_classes: int) -> dict:
        """The strength, as the card has it; empty if there is nothing to choose, or to choose by."""
        if not is_apart.any() or len(self.strengths) == 1:
            return {}
        apart = torch.from_numpy(is_apart).to(features.device)
        losses = {}
        trials = track(self.strengths, len(self.strengths), f'{self.name}, penalties')
        for strength in trials if is_main_process() else self.strengths:
            scores = logistic_scores(features[~apart], labels[~apart], features[apart], strength, num_classes)
            losses[strength] = F.cross_entropy(scores, labels[apart]).item()
        return dict(
            strength=min(losses, key=lambda strength: losses[strength]),
            held_out_clips=int(is_apart.sum()),
            held_out_loss={f'{strength:g}': round(loss, 3) for strength, loss in losses.items()},
        )
