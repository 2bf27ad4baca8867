"""Evaluation by training a classifier on augmented clips: linear, fine-tuned, semi-supervised, transfer, supervised."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.dist import is_main_process

from mmskelssl.datasets.label_draws import NUM_DRAWS, names_digest
from mmskelssl.evaluation.features import view_text
from mmskelssl.evaluation.functional import topk_accuracy
from mmskelssl.evaluation.pretrained_model import PretrainedModel
from mmskelssl.evaluation.processes import written_once
from mmskelssl.evaluation.protocols.base import Measurement, Protocol
from mmskelssl.evaluation.protocols.classifier_run import scores_of
from mmskelssl.evaluation.protocols.schedule import (
    Trial,
    best_learning_rate,
    num_epochs,
    with_epochs,
    with_learning_rate,
)
from mmskelssl.evaluation.results import ProtocolCard
from mmskelssl.evaluation.workspace import Workspace
from mmskelssl.registry import PROTOCOLS
from mmskelssl.utils.errors import ConfigError
from mmskelssl.utils.progress import bar

# Below this top-1 on the clips that were trained on, the training was too short or its learning rate wrong.
_WELL_TRAINED = 95


@PROTOCOLS.register_module()
class TrainedClassifier(Protocol):
    """Trains a classifier from the model's backbone by the protocol's config; the last epoch's weights are tested.

    With ``search_rates``, a part of the training clips is held out (see
    :func:`~mmskelssl.datasets.held_out.held_out`) and each rate is tried on the others, in a shorter training. The rate
    with the most held-out hits over all runs is taken, and all training clips are trained on with it. The test side has
    no part in it, and the effort is the same wherever training starts from.

    Args:
        name: By which it is asked for.
        cfg: A classifier's config; backbone, classes, modality, layout and data are filled in from the model.
        seeds: Of the runs. With label draws there is one run per draw, and its seed is the draw's number.
        crop_ratio: Training crops of at least this share of a clip, where pre-training cropped; None trains on the
            test view.
        augmented: Whether training sees the first view of pre-training as it is, with its spatial steps and its crops.
        augmentations: Steps after the crop.
        backbones: Type of a backbone to options that replace those that it was pre-trained with.
        pretrained: Whether the backbone starts from the checkpoint, and not at random.
        percent: Of the training clips that have a label; None for all.
        balanced: Whether the labels were drawn class by class.
        draws: File of label draws, or a folder of files ``{dataset}_{split}_{random or balanced}.txt.gz``. Where the
            folder has none of the data's, they are drawn when they are needed.
        other_data: Whether it needs other data than that of pre-training.
        min_steps: Training takes at least as many steps: on small sets there are more epochs than the config says, and
            its milestones move with them.
        search_rates: To choose from; empty for the config's own, which also stands where no clip can be held out.
        search_share: Epochs of a trial, as a share of those of the training.
    """

    def __init__(
        self,
        name: str,
        cfg: Config,
        seeds: Sequence[int] = (0,),
        crop_ratio: tuple[float, float] | None = (0.5, 1.0),
        augmented: bool = False,
        augmentations: Sequence[dict] = (),
        backbones: Mapping[str, dict] = MappingProxyType({}),
        pretrained: bool = True,
        percent: int | None = None,
        balanced: bool = False,
        draws: str = '',
        other_data: bool = False,
        min_steps: int = 0,
        search_rates: Sequence[float] = (),
        search_share: float = 0.25,
    ) -> None:
        super().__init__(name, cfg, seeds if percent is None else range(NUM_DRAWS))
        self.crop_ratio = crop_ratio
        self.augmented = augmented
        self.augmentations = list(augmentations)
        self.backbones = dict(backbones)
        self.pretrained = pretrained
        self.percent = percent
        self.balanced = balanced
        self.draws = draws
        self.other_data = other_data
        self.min_steps = min_steps
        self.search_rates = list(search_rates)
        self.search_share = search_share

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
        path, drawn = Path(self.draws), dict(ratio=self.percent, draw=run)
        if path.is_dir():
            path = path / f'{model.test_clips.store.path.name}_{model.train_set.get("split")}_{kind}.txt.gz'
            if not path.exists():
                return dict(drawn, balanced=self.balanced)
        return dict(drawn, path=str(path))

    def train_pipeline(self, model: PretrainedModel) -> list[dict]:
        """The view that is trained on: pre-training's temporal one with longer crops, or all of it where ``augmented``,
        and the protocol's own steps.
        """
        if self.augmented:
            return [*model.augmented_view, *self.augmentations]
        if self.crop_ratio is None:
            return [*model.test_pipeline, *self.augmentations]
        longer = dict(ratio=tuple(self.crop_ratio))
        crop = [dict(step, **longer) if step['type'] == 'TemporalCropResize' else step for step in model.train_view]
        return [*crop, *self.augmentations]

    def card(self, workspace: Workspace, modalities: Sequence[str]) -> ProtocolCard:
        model, cfg = workspace.model, self.full_length(workspace.model)
        drawn = [model.dataset('train', self.draw(model, run)) for run in self._draws()]
        kind = 'class-balanced' if self.balanced else 'random'
        optimizer = {key: value for key, value in cfg.optim_wrapper.optimizer.items() if key != 'type'}
        search = dict(lr='chosen', search_rates=self.search_rates, search_epochs=self._search_epochs(cfg))
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
                **(optimizer | (search if self.search_rates else {})),
                **self._further(cfg, model, modalities),
                epochs=cfg.train_cfg.max_epochs,
                steps=[dict(step) for step in cfg.get('param_scheduler', [])],
            ),
            labels='all' if self.percent is None else f'{self.percent} %, {kind} draws',
            draws=[names_digest(dataset.names) for dataset in drawn],
        )

    def _further(self, cfg: Config, model: PretrainedModel, streams: Sequence[str]) -> dict:
        """For the card, what makes this more than one linear layer, one learning rate and the backbone as it was."""
        found = dict(
            paramwise=cfg.optim_wrapper.get('paramwise_cfg'),
            head=cfg.model.get('head'),
            backbone=self.backbone_options(model, streams[0]),
        )
        return {name: dict(value) for name, value in found.items() if value}

    def _draws(self) -> range:
        return range(0 if self.percent is None else len(self.seeds))

    def full_length(self, model: PretrainedModel) -> Config:
        """The protocol's config with its number of epochs on the model's data; draws all have as many clips."""
        num_clips = len(model.dataset('train', self.draw(model, 0)))
        return with_epochs(self.cfg, num_epochs(self.cfg, num_clips, self.min_steps))

    def _search_epochs(self, cfg: Config) -> int:
        return max(1, round(self.search_share * cfg.train_cfg.max_epochs))

    def measure(self, workspace: Workspace, modalities: Sequence[str]) -> Measurement:
        (modality,) = modalities
        folder, model, runs = workspace.folder(self.name, modality), workspace.model, range(len(self.seeds))
        full = self.full_length(model)
        epochs, search = full.train_cfg.max_epochs, self._search_epochs(full) * len(self.search_rates)
        shown = bar(len(runs) * (search + epochs), f'{self.name}, {modality}')
        found = []
        with shown if is_main_process() else nullcontext(lambda done: None) as show:
            chosen = self._choose(model, modality, folder / 'search', show)
            for run in runs:
                cfg = self.config(model, modality, run, chosen.get('learning_rate'))
                before = len(runs) * search + run * epochs
                sides = dict(predictions=model.test_clips)
                if not cfg.model.frozen:
                    sides['train_predictions'] = model.dataset('train', self.draw(model, run))
                found.append(scores_of(cfg, sides, folder / f'run{run}', lambda done: show(before + done)))  # noqa: B023
                show(before + epochs)
        metrics, remarks = {}, self.empty_classes(model)
        if self.search_rates and not chosen:
            remarks.append('No labelled clip could be held out, so the learning rate is that of the config.')
        if not full.model.frozen:
            labels = [torch.from_numpy(model.dataset('train', self.draw(model, run)).labels) for run in runs]
            known = [topk_accuracy(of['train_predictions'], truth, 1) for of, truth in zip(found, labels, strict=True)]
            metrics['train_top1'] = known
            if min(known) < _WELL_TRAINED:
                remarks.append(
                    f'At the end, only {min(known):.1f} % of the clips that were trained on are recognized: the '
                    'training was too short, or its learning rate does not fit.'
                )
        return Measurement(torch.stack([of['predictions'] for of in found]), metrics, remarks, chosen=chosen)

    def _choose(self, model: PretrainedModel, modality: str, folder: Path, show: Callable[[int], None]) -> dict:
        """The learning rate for all runs, as the card has it; empty if the config's own stands."""
        apart = {
            run: dataset
            for run in range(len(self.seeds))
            if len(dataset := model.dataset('train', self.draw(model, run), 'held-out'))
        }
        if not apart or not self.search_rates:
            return {}
        labels = torch.from_numpy(np.concatenate([dataset.labels for dataset in apart.values()]))
        trials, done = [], 0
        for rate in self.search_rates:
            parts = []
            for run, dataset in apart.items():
                cfg = self.trial_config(model, modality, run, rate)
                place = folder / f'run{run}-lr{rate:g}'
                found = scores_of(cfg, dict(held_out=dataset), place, lambda epoch: show(done + epoch))  # noqa: B023
                written_once(lambda: _remove_checkpoints(place))  # noqa: B023
                parts.append(found['held_out'])
                done += cfg.train_cfg.max_epochs
            scores = torch.cat(parts)
            trials.append(Trial(rate, topk_accuracy(scores, labels, 1), F.cross_entropy(scores, labels).item()))
        return dict(
            learning_rate=best_learning_rate(trials),
            held_out_clips=len(labels),
            held_out_top1={f'{trial.learning_rate:g}': round(trial.accuracy, 2) for trial in trials},
        )

    def config(self, model: PretrainedModel, modality: str, run: int, learning_rate: float | None = None) -> Config:
        """The config of a run, good for ``tools/train.py`` and ``tools/test.py`` as well.

        Args:
            model: What is evaluated.
            modality: A stream of it.
            run: Which.
            learning_rate: By default the protocol's own.
        """
        cfg = self.full_length(model)
        cfg.pop('protocol')
        options = self.backbone_options(model, modality)
        cfg.model = model.classifier(modality, self.pretrained, dict(cfg.model, backbone=options))
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
        cfg.randomness = dict(seed=self.seeds[run])
        return cfg if learning_rate is None else with_learning_rate(cfg, learning_rate)

    def trial_config(self, model: PretrainedModel, modality: str, run: int, learning_rate: float) -> Config:
        """The config of a trial of a learning rate. It does not know the test side."""
        cfg = self.config(model, modality, run, learning_rate)
        cfg = with_epochs(cfg, self._search_epochs(cfg))
        cfg.train_dataloader.dataset.part = 'fit'
        cfg.update(
            {f'{stage}_{part}': None for stage in ('val', 'test') for part in ('dataloader', 'cfg', 'evaluator')}
        )
        return cfg

    def backbone_options(self, model: PretrainedModel, stream: str) -> dict:
        """What replaces options of a stream's backbone."""
        return self.backbones.get(model.streams[stream]['backbone']['type'].rpartition('.')[2], {})

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
        if remarks:
            remarks.append(f'Balanced draws have a label of every class: semi{self.percent}-balanced.')
        return remarks


def _remove_checkpoints(folder: Path) -> None:
    for path in folder.glob('*.pth'):
        path.unlink()
