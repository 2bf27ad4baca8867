"""Evaluation by training a classifier on augmented clips: linear, fine-tuned, semi-supervised, transfer, supervised."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import DataLoader

from mmskelssl.datasets.label_draws import NUM_DRAWS, names_digest
from mmskelssl.evaluation.arrays import load_arrays, save_arrays
from mmskelssl.evaluation.features import view_text
from mmskelssl.evaluation.pretrained_model import Subject
from mmskelssl.evaluation.protocols.base import PREDICTIONS, Measurement, Protocol
from mmskelssl.evaluation.results import ProtocolCard
from mmskelssl.evaluation.workspace import Workspace
from mmskelssl.models.distributed import unwrap_model
from mmskelssl.registry import PROTOCOLS
from mmskelssl.utils.checkpoints import newest_whole_checkpoint
from mmskelssl.utils.progress import bar


@PROTOCOLS.register_module()
class TrainedClassifier(Protocol):
    """Trains a classifier from the subject's backbone by the protocol's config; the last epoch's weights are tested.

    Args:
        name: By which it is asked for.
        cfg: A classifier's config; backbone, classes, modality, layout and data are filled in from the subject.
        seeds: Of the runs; label draws have a run each, whose seed is the draw's number.
        crop_ratio: Training crops of at least this share of a clip, where pre-training cropped; None trains on the
            test view.
        pretrained: Whether the backbone starts from the checkpoint, and not at random.
        percent: Of the training clips that have a label; None for all.
        balanced: Whether the labels were drawn class by class.
        draws: File of label draws, or a folder of files ``{dataset}_{split}_{random or balanced}.txt.gz``.
        other_data: Whether it makes sense only on other data than that of pre-training.
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

    def check(self, subject: Subject) -> None:
        if self.other_data and not subject.is_transfer:
            raise ValueError(f"Protocol '{self.name}' needs other data than that of pre-training: pass --data.")
        for run in range(len(self.seeds)):
            subject.dataset('train', subject.test_pipeline, self.draw(subject, run))

    def draw(self, subject: Subject, run: int) -> dict | None:
        """The labels of a run, as :class:`SkeletonDataset` takes them."""
        if self.percent is None:
            return None
        kind = 'balanced' if self.balanced else 'random'
        name = f'{subject.test_clips.store.path.name}_{subject.train_set.get("split")}_{kind}.txt.gz'
        path = Path(self.draws)
        return dict(path=str(path / name if path.is_dir() else path), ratio=self.percent, draw=run)

    def train_pipeline(self, subject: Subject) -> list[dict]:
        """The view that is trained on: pre-training's temporal one with longer crops, no spatial one."""
        if self.crop_ratio is None:
            return subject.test_pipeline
        view = subject.train_view
        return [dict(view, ratio=tuple(self.crop_ratio)) if view['type'] == 'TemporalCropResize' else view]

    def card(self, workspace: Workspace, modalities: Sequence[str]) -> ProtocolCard:
        subject, cfg = workspace.subject, self.cfg
        views = subject.dataset('train', self.train_pipeline(subject))
        drawn = [subject.dataset('train', subject.test_pipeline, self.draw(subject, run)) for run in self._draws()]
        kind = 'class-balanced' if self.balanced else 'random'
        optimizer = {key: value for key, value in cfg.optim_wrapper.optimizer.items() if key != 'type'}
        # A random start owes nothing to the checkpoint but the architecture.
        owner = {} if self.pretrained else dict(method='supervised', weights='random')
        return replace(
            super().card(workspace, modalities),
            **owner,
            train_crop=view_text(views, subject.train_set.get('normalize') or ()),
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
        subject = workspace.subject
        runs = range(len(self.seeds))
        with bar(len(runs) * self.cfg.train_cfg.max_epochs, f'{self.name}, {modality}') as show:
            scores = [self._scores(subject, modality, run, folder / f'run{run}', show) for run in runs]
        return Measurement(torch.stack(scores), remarks=self.empty_classes(subject))

    def config(self, subject: Subject, modality: str, run: int, work_dir: Path) -> Config:
        """The config of a run, good for ``tools/train.py`` as well."""
        cfg = copy.deepcopy(self.cfg)
        cfg.model = dict(subject.classifier(modality, self.pretrained), frozen=cfg.model.frozen)
        train = dict(subject.train_set, type='SkeletonDataset', pipeline=self.train_pipeline(subject))
        draw = self.draw(subject, run)
        cfg.train_dataloader.update(subject.loader)
        cfg.train_dataloader.dataset = train if draw is None else dict(train, draw=draw)
        test = dict(subject.test_set, type='SkeletonDataset', pipeline=subject.test_pipeline)
        for stage in ('val', 'test'):
            cfg[f'{stage}_dataloader'].dataset = test
            cfg[f'{stage}_dataloader'].num_workers = min(1, subject.loader.get('num_workers', 0))
        cfg.train_cfg.val_interval = cfg.train_cfg.max_epochs
        cfg.randomness = dict(seed=self.seeds[run])
        cfg.work_dir = str(work_dir)
        return cfg

    def _scores(self, subject: Subject, modality: str, run: int, folder: Path, show: Callable[[int], None]) -> Tensor:
        """(N, K) scores of a run's test clips, trained or read where it was trained before."""
        predictions = folder / PREDICTIONS
        test = subject.test_clips
        if not predictions.exists():
            cfg = self.config(subject, modality, run, folder)
            cfg.load_from = newest_whole_checkpoint(folder)
            cfg.resume = cfg.load_from is not None
            # MMEngine keeps loggers and visualizers by this name and would go on with those of the run before.
            cfg.experiment_name = f'{self.name}-{modality}-run{run}-{time.time_ns()}'
            cfg.default_hooks.checkpoint.max_keep_ckpts = 1
            cfg.log_level = 'WARNING'
            runner = Runner.from_cfg(cfg)
            runner.register_hook(_ShowEpochs(show, run * cfg.train_cfg.max_epochs))
            runner.train()
            scores = predict(unwrap_model(runner.model), runner.build_dataloader(cfg.test_dataloader))
            save_arrays(predictions, names=test.names, labels=test.labels, scores=scores.numpy())
        show((run + 1) * self.cfg.train_cfg.max_epochs)
        arrays = load_arrays(predictions, 'names', 'scores')
        assert (arrays['names'] == test.names).all()
        return torch.from_numpy(arrays['scores'])

    def empty_classes(self, subject: Subject) -> list[str]:
        """A remark for every draw that leaves classes without a label."""
        train = subject.train_clips
        remarks = []
        for run in self._draws():
            drawn = subject.dataset('train', subject.test_pipeline, self.draw(subject, run))
            empty = np.setdiff1d(train.labels, drawn.labels)
            if len(empty):
                names = ', '.join(train.store.classes[label] for label in empty)
                remarks.append(f'Draw {run} ({len(drawn)} clips) has no label of {len(empty)} classes: {names}.')
        return remarks


class _ShowEpochs(Hook):
    """Says how many epochs are done, those of earlier runs included."""

    def __init__(self, show: Callable[[int], None], earlier: int) -> None:
        self.show = show
        self.earlier = earlier

    def before_train_epoch(self, runner: Runner) -> None:
        self.show(self.earlier + runner.epoch)


@torch.no_grad()
def predict(model: BaseModel, loader: DataLoader) -> Tensor:
    """(N, K) scores of a loader's clips in the order of its dataset."""
    model.eval()
    outputs = [output for batch in loader for output in model.test_step(batch)]
    index, scores = (torch.cat([output[key].cpu() for output in outputs]) for key in ('index', 'scores'))
    return torch.empty_like(scores).index_copy_(0, index, scores)
