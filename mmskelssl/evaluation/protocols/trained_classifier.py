"""Evaluation by training a classifier on augmented clips: linear, fine-tuned, semi-supervised, transfer, supervised."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from torch import Tensor

from mmskelssl.datasets.label_draws import NUM_DRAWS, names_digest
from mmskelssl.evaluation.arrays import load_arrays, save_arrays
from mmskelssl.evaluation.features import encode, view_text
from mmskelssl.evaluation.pretrained_model import PretrainedModel
from mmskelssl.evaluation.processes import agreed, written_once
from mmskelssl.evaluation.protocols.base import PREDICTIONS, Measurement, Protocol
from mmskelssl.evaluation.protocols.training import trained
from mmskelssl.evaluation.results import ProtocolCard
from mmskelssl.evaluation.workspace import Workspace
from mmskelssl.registry import PROTOCOLS
from mmskelssl.utils.errors import ConfigError, ReportError
from mmskelssl.utils.files import written_beside
from mmskelssl.utils.progress import bar


@PROTOCOLS.register_module()
class TrainedClassifier(Protocol):
    """Trains a classifier from the model's backbone by the protocol's config; the last epoch's weights are tested.

    Args:
        name: By which it is asked for.
        cfg: A classifier's config; backbone, classes, modality, layout and data are filled in from the model.
        seeds: Of the runs. With label draws there is one run per draw, and its seed is the draw's number.
        crop_ratio: Training crops of at least this share of a clip, where pre-training cropped; None trains on the
            test view.
        pretrained: Whether the backbone starts from the checkpoint, and not at random.
        percent: Of the training clips that have a label; None for all.
        balanced: Whether the labels were drawn class by class.
        draws: File of label draws, or a folder of files ``{dataset}_{split}_{random or balanced}.txt.gz``.
        other_data: Whether it needs other data than that of pre-training.
    """

    def __init__(
        self,
        name: str,
        cfg: Config,
        seeds: Sequence[int] = (0,),
        crop_ratio: tuple[float, float] | None = (0.5, 1.0),
        pretrained: bool = True,
        percent: int | None = None,
        balanced: bool = False,
        draws: str = '',
        other_data: bool = False,
    ) -> None:
        super().__init__(name, cfg, seeds if percent is None else range(NUM_DRAWS))
        self.crop_ratio = crop_ratio
        self.pretrained = pretrained
        self.percent = percent
        self.balanced = balanced
        self.draws = draws
        self.other_data = other_data

    def check(self, model: PretrainedModel) -> None:
        if self.other_data and not model.is_transfer:
            raise ConfigError(f"Protocol '{self.name}' needs other data than that of pre-training: pass --data.")
        for run in range(len(self.seeds)):
            model.dataset('train', self.draw(model, run))

    def draw(self, model: PretrainedModel, run: int) -> dict | None:
        """The labels of a run, as :class:`SkeletonDataset` takes them."""
        if self.percent is None:
            return None
        kind = 'balanced' if self.balanced else 'random'
        name = f'{model.test_clips.store.path.name}_{model.train_set.get("split")}_{kind}.txt.gz'
        path = Path(self.draws)
        return dict(path=str(path / name if path.is_dir() else path), ratio=self.percent, draw=run)

    def train_pipeline(self, model: PretrainedModel) -> list[dict]:
        """The view that is trained on: pre-training's temporal one with longer crops, no spatial one."""
        if self.crop_ratio is None:
            return model.test_pipeline
        longer = dict(ratio=tuple(self.crop_ratio))
        return [dict(step, **longer) if step['type'] == 'TemporalCropResize' else step for step in model.train_view]

    def card(self, workspace: Workspace, modalities: Sequence[str]) -> ProtocolCard:
        model, cfg = workspace.model, self.cfg
        drawn = [model.dataset('train', self.draw(model, run)) for run in self._draws()]
        kind = 'class-balanced' if self.balanced else 'random'
        optimizer = {key: value for key, value in cfg.optim_wrapper.optimizer.items() if key != 'type'}
        card = super().card(workspace, modalities)
        if not self.pretrained:  # a random start owes nothing to the checkpoint but the architecture
            card = replace(card, method='supervised', weights='random')
        return replace(
            card,
            train_crop=view_text(self.train_pipeline(model), model.train_set.get('normalize') or ()),
            start='pre-trained' if self.pretrained else 'random',
            trained='classifier' if cfg.model.frozen else 'all',
            batch_size=cfg.train_dataloader.batch_size,
            schedule=dict(
                optimizer=cfg.optim_wrapper.optimizer.type,
                **optimizer,
                epochs=cfg.train_cfg.max_epochs,
                steps=[dict(step) for step in cfg.get('param_scheduler', [])],
            ),
            labels='all' if self.percent is None else f'{self.percent} %, {kind} draws',
            draws=[names_digest(dataset.names) for dataset in drawn],
        )

    def _draws(self) -> range:
        return range(0 if self.percent is None else len(self.seeds))

    def measure(self, workspace: Workspace, modalities: Sequence[str]) -> Measurement:
        (modality,) = modalities
        folder = workspace.folder(self.name, modality)
        model = workspace.model
        epochs = self.cfg.train_cfg.max_epochs
        scores = []
        shown = bar(len(self.seeds) * epochs, f'{self.name}, {modality}')
        with shown if is_main_process() else nullcontext(lambda done: None) as show:
            for run in range(len(self.seeds)):
                scores.append(self._scores(model, modality, run, folder / f'run{run}', show))
                show((run + 1) * epochs)
        return Measurement(torch.stack(scores), remarks=self.empty_classes(model))

    def config(self, model: PretrainedModel, modality: str, run: int) -> Config:
        """The config of a run, good for ``tools/train.py`` and ``tools/test.py`` as well."""
        cfg = copy.deepcopy(self.cfg)
        cfg.pop('protocol')
        cfg.model = dict(model.classifier(modality, self.pretrained), frozen=cfg.model.frozen)
        cfg.data_preprocessor = dict(
            type='SkeletonDataPreprocessor',
            train_pipeline=self.train_pipeline(model),
            test_pipeline=model.test_pipeline,
        )
        train, draw = dict(model.train_set, type='SkeletonDataset'), self.draw(model, run)
        cfg.train_dataloader.update(model.loader)
        cfg.train_dataloader.dataset = train if draw is None else dict(train, draw=draw)
        for stage in ('val', 'test'):
            cfg[f'{stage}_dataloader'].dataset = dict(model.test_set, type='SkeletonDataset')
            cfg[f'{stage}_dataloader'].num_workers = min(1, model.loader.get('num_workers', 0))
        cfg.train_cfg.val_interval = cfg.train_cfg.max_epochs
        cfg.randomness = dict(seed=self.seeds[run])
        return cfg

    def _scores(
        self, model: PretrainedModel, modality: str, run: int, folder: Path, show: Callable[[int], None]
    ) -> Tensor:
        """(N, K) scores of a run's test clips, trained or read where it was trained before."""
        predictions, test = folder / PREDICTIONS, model.test_clips
        if not agreed(predictions.exists()):
            cfg = self.config(model, modality, run)
            written_once(lambda: _dump(cfg, folder / 'config.py'))
            cfg.work_dir = str(folder)
            classifier = trained(cfg, lambda done: show(run * cfg.train_cfg.max_epochs + done))
            scores = encode(classifier, test, 'predict', what='Testing')['scores'][0]
            arrays = dict(names=test.names, labels=test.labels, scores=scores.numpy())
            written_once(lambda: save_arrays(predictions, **arrays))
        arrays = load_arrays(predictions, 'names', 'scores')
        if (arrays['names'] != test.names).any():
            raise ReportError(f'{predictions} is of other clips: delete that folder to measure anew.')
        return torch.from_numpy(arrays['scores'])

    def empty_classes(self, model: PretrainedModel) -> list[str]:
        """A remark for every draw that leaves classes without a label."""
        train = model.train_clips
        remarks = []
        for run in self._draws():
            drawn = model.dataset('train', self.draw(model, run))
            empty = np.setdiff1d(train.labels, drawn.labels)
            if len(empty):
                names = ', '.join(train.store.classes[label] for label in empty)
                remarks.append(f'Draw {run} ({len(drawn)} clips) has no label of {len(empty)} classes: {names}.')
        return remarks


def _dump(cfg: Config, path: Path) -> None:
    with written_beside(path) as beside:
        beside.write_text(cfg.pretty_text, encoding='utf-8')
