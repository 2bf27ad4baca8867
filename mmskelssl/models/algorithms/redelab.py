"""ReDeLab: reconstruct, decorrelate, self-label. The toolbox's own method, for sets of hundreds of clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmskelssl.datasets import SkeletonDataset
from mmskelssl.models.algorithms.decorrelation import Decorrelation
from mmskelssl.models.clustering import SelfLabels
from mmskelssl.models.distributed import gather_clips
from mmskelssl.models.losses import barlow_twins
from mmskelssl.models.memory_bank import MemoryBank
from mmskelssl.models.modalities import num_channels
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError


@MODELS.register_module()
class ReDeLab(Decorrelation):
    """The feature of a part of a clip, warped and turned, is to tell how the whole clip moves, and what is like it.

    Three views: two augmented ones, and the whole clip in the pose that the data's normalization gives it.

    - Reconstruct: a decoder draws the whole clip's movement (in the line of Predict & Cluster, Su et al., 2020).
    - Decorrelate: the loss of Barlow Twins on the embeddings of both augmented views.
    - Self-label, in rounds: the backbone is copied. In the first epoch of a round the copy's features of whole clips
      are kept; then they are clustered, and both augmented views are to tell the cluster of the whole clip.

    Args:
        decoder: Config of what maps a feature to the whole clip; its widths are filled in.
        target_frames: Frames of the whole clip that are drawn.
        weights: Of the three losses.
        redundancy_weight: λ of Barlow Twins.
        rounds: Epochs, from 0, in which a round begins; none for no labels.
        num_clusters: Labels.
        queue_size: Clips that are clustered, at most those of the training set.
        **kwargs: Of :class:`SelfSupervised`.

    Raises:
        ConfigError: If a round begins before the labels of the one before are there.
    """

    num_views = 3

    def __init__(
        self,
        *args,
        decoder: dict,
        target_frames: int = 16,
        weights: tuple[float, float, float] = (10.0, 0.001, 1.0),
        redundancy_weight: float = 0.005,
        rounds: Sequence[int] = (),
        num_clusters: int = 100,
        queue_size: int = 1024,
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        if any(after - before < 2 for before, after in pairwise(rounds)):
            raise ConfigError(f'model.rounds={list(rounds)}: a round takes at least two epochs.')
        self.target_frames, self.weights, self.redundancy_weight = target_frames, weights, redundancy_weight
        self.rounds = list(rounds)
        backbones: dict[str, Any] = {name: self.encoder[name].backbone for name in self.streams}
        joints = self.num_persons * target_frames * self.layout.num_joints
        drawn = {name: joints * num_channels(modality) for name, modality in self.modality.items()}
        sizes = {name: dict(in_channels=b.out_channels, out_channels=drawn[name]) for name, b in backbones.items()}
        self.decoder = nn.ModuleDict({name: MODELS.build(decoder | size) for name, size in sizes.items()})
        # Deviations of less than 0.05 hardly count: what stands still is not as important as what moves.
        self.scale = nn.ModuleDict({name: nn.BatchNorm1d(n, eps=0.05**2, affine=False) for name, n in drawn.items()})
        self.labels = nn.ModuleDict({name: SelfLabels(b, num_clusters) for name, b in backbones.items()})
        self.bank = MemoryBank(queue_size, {name: b.out_channels for name, b in backbones.items()})
        self.keys: dict[str, Tensor] = {}

    def before_update(self) -> None:
        """Begins a round, or finds its clusters an epoch later."""
        stage = sum((self.epoch >= start) + (self.epoch > start) for start in self.rounds)
        for name, labels in self.labels.items():
            labels.advance(stage, self.encoder[name].backbone, self.bank[name])

    def loss(self, inputs: Sequence[Tensor], data_samples: dict | None = None) -> dict[str, Tensor]:
        """Losses ``loss_{stream}_{reconstruct, decorrelate, label}`` of three views (N, M, T, V, C), the whole last."""
        losses: dict[str, Tensor] = {}
        first, second, whole = map(self.split, inputs)
        self.keys = {name: self.labels[name].taught(whole[name]) for name in self.streams if self.rounds}
        for name in self.streams:
            features = [self.encoder[name].backbone(view[name]) for view in (first, second)]
            a, b = (gather_clips(self.encoder[name].neck(feature)) for feature in features)
            self.embeddings[name] = a.detach()
            every, target = torch.cat(features), self.target(name, whole[name]).repeat(2, 1)
            reconstruct, decorrelate, label = self.weights
            losses[f'loss_{name}_reconstruct'] = reconstruct * F.smooth_l1_loss(self.decoder[name](every), target)
            losses[f'loss_{name}_decorrelate'] = decorrelate * barlow_twins(a, b, self.redundancy_weight)
            if self.rounds:
                losses[f'loss_{name}_label'] = label * self.labels[name].loss(every, self.keys[name].repeat(2, 1))
        return losses

    def target(self, name: str, whole: Tensor) -> Tensor:
        """(N, D) evenly spaced frames of the whole clip (N, M, T, V, C) minus their mean, standardized."""
        frames = torch.linspace(0, whole.shape[2] - 1, self.target_frames, device=whole.device).round().long()
        drawn = whole.index_select(2, frames)
        return self.scale[name]((drawn - drawn.mean(2, keepdim=True)).flatten(1))

    def to_enqueue(self) -> dict[str, Tensor]:
        return self.keys

    def after_update(self, batches: Sequence[Mapping[str, Tensor]]) -> None:
        """Keeps the copy's features of whole clips."""
        if self.rounds:
            self.bank.enqueue({name: torch.cat([batch[name] for batch in batches]) for name in self.streams})

    def remarks(self, dataset: SkeletonDataset) -> list[str]:
        """Whether an epoch fills the bank: else it holds features of the copy before as well."""
        text = f'model.queue_size={self.bank.size} is more than the {len(dataset)} training clips: set it to that.'
        return [text] if self.rounds and self.bank.size > len(dataset) else []
