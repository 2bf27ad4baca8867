"""Evaluation without training: nearest neighbours and retrieval on features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmengine.config import Config
from mmengine.device import get_device

from mmskelssl.evaluation.functional import knn_votes, retrieval_metrics
from mmskelssl.evaluation.pretrained_model import PretrainedModel
from mmskelssl.evaluation.protocols.base import Measurement, Protocol
from mmskelssl.evaluation.results import ProtocolCard
from mmskelssl.evaluation.workspace import Workspace
from mmskelssl.registry import PROTOCOLS
from mmskelssl.utils.errors import ConfigError


@PROTOCOLS.register_module()
class NearestNeighbours(Protocol):
    """The vote of the k nearest training clips in cosine similarity, and how well clips of a class are retrieved.

    Both sides are seen in the test view. ``map`` and ``recall@k`` are those of :func:`retrieval_metrics`, with the test
    clips as queries and the training clips as gallery.

    Args:
        name: By which it is asked for.
        cfg: Not used.
        k: Neighbours that vote.
        recalls: k of the recalls.
    """

    topk = (1,)

    def __init__(self, name: str, cfg: Config, k: int = 1, recalls: Sequence[int] = (1, 5, 10)) -> None:
        super().__init__(name, cfg)
        self.k = k
        self.recalls = tuple(recalls)

    def check(self, model: PretrainedModel) -> None:
        number = len(model.train_clips)
        if not 1 <= self.k <= number:
            raise ConfigError(
                f"Protocol '{self.name}' asks for {self.k} neighbours of {number} training clips: set protocol.k to at "
                'least 1 and at most that.'
            )

    def card(self, workspace: Workspace, modalities: Sequence[str]) -> ProtocolCard:
        return replace(super().card(workspace, modalities), k=self.k, seeds=[])

    def measure(self, workspace: Workspace, modalities: Sequence[str]) -> Measurement:
        (modality,) = modalities
        (train, train_file), (test, test_file) = (workspace.features(modality, side) for side in ('train', 'test'))
        device = get_device()
        gallery, queries = (features.values[0].to(device) for features in (train, test))
        labels, truth = (features.labels.to(device) for features in (train, test))
        num_classes = len(workspace.model.test_clips.store.classes)
        votes = knn_votes(gallery, labels, queries, self.k, num_classes)
        retrieval = retrieval_metrics(gallery, labels, queries, truth, self.recalls)
        return Measurement(
            scores=votes[None].cpu(),
            metrics={name: [value] for name, value in retrieval.items()},
            files=dict(train_features=train_file, test_features=test_file),
        )
