"""What all protocols share: from scores of the test clips to a result."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from mmengine.config import Config
from torch import Tensor

from mmskelssl.datasets.label_draws import names_digest
from mmskelssl.evaluation.arrays import save_arrays
from mmskelssl.evaluation.features import view_text
from mmskelssl.evaluation.functional import confusion_matrix, per_class_accuracy, topk_accuracy
from mmskelssl.evaluation.pretrained_model import PretrainedModel
from mmskelssl.evaluation.processes import written_once
from mmskelssl.evaluation.results import ProtocolCard, ProtocolResult, Statistic
from mmskelssl.evaluation.workspace import Workspace
from mmskelssl.version import __version__

PREDICTIONS = 'predictions.npz'


@dataclass(frozen=True)
class Measurement:
    """What a protocol finds out.

    Args:
        scores: (runs, N, K) of the test clips, in the order of the test side.
        metrics: Further ones, name to one value for each run.
        remarks: What a reader of the numbers has to know.
        files: Further files of the result, such as features.
    """

    scores: Tensor
    metrics: dict[str, list[float]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)


class Protocol:
    """A way to evaluate a model.

    Args:
        name: By which it is asked for.
        cfg: The rest of its config, such as schedule and loaders.
        seeds: Of its runs.
    """

    topk: Sequence[int] = (1, 5)

    def __init__(self, name: str, cfg: Config, seeds: Sequence[int] = (0,)) -> None:
        self.name = name
        self.cfg = cfg
        self.seeds = list(seeds)

    @property
    def requires(self) -> tuple[Protocol, ...]:
        """Protocols that have to be run before."""
        return ()

    def check(self, model: PretrainedModel) -> None:
        """Raises a ConfigError or StoreError if the model or its data do not fit this protocol."""

    def groups(self, model: PretrainedModel) -> list[tuple[str, ...]]:
        """The modalities that are evaluated, each alone or some together."""
        return [(modality,) for modality in model.modalities]

    def card(self, workspace: Workspace, modalities: Sequence[str]) -> ProtocolCard:
        """What the result will depend on."""
        model = workspace.model
        test, train = model.test_clips, model.train_clips
        return ProtocolCard(
            method=model.method,
            weights=' '.join(map(workspace.weights, modalities)),
            modalities=list(modalities),
            dataset=test.store.path.name,
            train_split=names_digest(train.names),
            test_split=names_digest(test.names),
            num_frames=model.num_frames,
            train_crop=view_text(model.test_pipeline, model.train_set.get('normalize') or ()),
            test_crop=view_text(model.test_pipeline, model.test_set.get('normalize') or ()),
            seeds=self.seeds,
            versions=dict(mmskelssl=__version__, torch=torch.__version__, python=platform.python_version()),
        )

    def measure(self, workspace: Workspace, modalities: Sequence[str]) -> Measurement:
        """Runs the protocol. What takes long is kept in ``workspace.folder`` and used again after an interruption.

        Args:
            workspace: With the model.
            modalities: One of :meth:`groups`.
        """
        raise NotImplementedError

    def run(self, workspace: Workspace, modalities: Sequence[str]) -> ProtocolResult:
        """The result on one of :meth:`groups`; its predictions are written."""
        start = time.perf_counter()
        card = self.card(workspace, modalities)
        measurement = self.measure(workspace, modalities)
        modality = '+'.join(modalities)
        test = workspace.model.test_clips
        labels = torch.from_numpy(test.labels)
        predictions = workspace.folder(self.name, modality) / PREDICTIONS
        arrays = dict(names=test.names, labels=test.labels, scores=measurement.scores.numpy())
        written_once(lambda: save_arrays(predictions, **arrays))
        confusions = [confusion_matrix(run.argmax(1), labels, run.shape[1]) for run in measurement.scores]
        metrics = {f'top{k}': [topk_accuracy(run, labels, k) for run in measurement.scores] for k in self.topk}
        metrics['mean_class'] = [per_class_accuracy(confusion).nanmean().item() for confusion in confusions]
        accuracy = torch.stack([per_class_accuracy(confusion) for confusion in confusions]).mean(0)
        files = dict(predictions=predictions, **measurement.files)
        return ProtocolResult(
            protocol=self.name,
            modality=modality,
            metrics={name: Statistic(values) for name, values in (metrics | measurement.metrics).items()},
            card=card,
            per_class_accuracy=[None if value.isnan() else value.item() for value in accuracy],
            confusion=torch.stack(confusions).sum(0).tolist(),
            seconds=time.perf_counter() - start,
            remarks=measurement.remarks,
            files={name: path.relative_to(workspace.root).as_posix() for name, path in files.items()},
        )
