"""ReDeLab: reconstruct, decorrelate, self-label. The toolbox's own method, for sets of hundreds of clips."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmskelssl.datasets import SkeletonDataset
from mmskelssl.models.algorithms.decorrelation import Decorrelation
from mmskelssl.models.clustering import Clusters
from mmskelssl.models.distributed import gather_clips
from mmskelssl.models.losses import barlow_twins
from mmskelssl.models.memory_bank import MemoryBank
from mmskelssl.models.modalities import num_channels
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError


@MODELS.register_module()
class ReDeLab(Decorrelation):
    """From the feature of an augmented view, the whole clip is told: its course, and which clips are like it.

    Three views: two augmented ones, and the whole clip in the pose that the data's normalization gives it.

    - Reconstruct: a decoder draws the whole clip from the feature (Predict & Cluster, Su et al., CVPR 2020, without
      recurrence, and from a view that was cut, warped and turned).
    - Decorrelate: the loss of Barlow Twins between the embeddings of both views.
    - Self-label, in rounds: the encoder is copied; in the first epoch of a round the copy's features of whole clips
      are kept, then clustered; from then on both views are to tell the copy's cluster of the whole clip.

    Args:
        decoder: Config of what maps a feature to the whole clip; its widths are filled in.
        target_frames: Frames of the whole clip that are drawn.
        reconstruct_weight: Of the first loss.
        decorrelate_weight: Of the second, whose λ is ``redundancy_weight``.
        label_weight: Of the third.
        redundancy_weight: λ of Barlow Twins.
        rounds: Epochs, from 0, in which a round begins; none for no labels.
        num_clusters: Labels.
        queue_size: Clips that are clustered, at most those of the training set.
        label_smoothing: Share of a label that is spread over all.
        **kwargs: Of :class:`SelfSupervised`.

    Raises:
        ConfigError: If a round begins before the clusters of the last are there.
    """

    num_views = 3
    stage: Tensor

    def __init__(
        self,
        *args,
        decoder: dict,
        target_frames: int = 16,
        reconstruct_weight: float = 10.0,
        decorrelate_weight: float = 0.001,
        label_weight: float = 1.0,
        redundancy_weight: float = 0.005,
        rounds: Sequence[int] = (),
        num_clusters: int = 100,
        queue_size: int = 1024,
        label_smoothing: float = 0.1,
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        if any(after - before < 2 for before, after in zip(rounds, rounds[1:], strict=False)):
            raise ConfigError(f'model.rounds={list(rounds)}: a round takes at least two epochs.')
        self.target_frames = target_frames
        self.reconstruct_weight = reconstruct_weight
        self.decorrelate_weight = decorrelate_weight
        self.label_weight = label_weight
        self.redundancy_weight = redundancy_weight
        self.rounds = list(rounds)
        self.label_smoothing = label_smoothing
        widths = {name: self.encoder[name].backbone.out_channels for name in self.streams}
        self.decoder, self.standardize = nn.ModuleDict(), nn.ModuleDict()
        joints = self.num_persons * target_frames * self.layout.num_joints
        for name, width in widths.items():
            numbers = joints * num_channels(self.modality[name])
            self.decoder[name] = MODELS.build(dict(decoder, in_channels=width, out_channels=numbers))
            # Deviations have 0.05 as their scale, so that what hardly moves does not count as much as what does.
            self.standardize[name] = nn.BatchNorm1d(numbers, eps=0.05**2, affine=False)
        self.classifier = nn.ModuleDict({name: nn.Linear(width, num_clusters) for name, width in widths.items()})
        self.clusters = nn.ModuleDict({name: Clusters(width, num_clusters) for name, width in widths.items()})
        self.teacher = nn.ModuleDict({name: copy.deepcopy(self.encoder[name].backbone) for name in widths})
        self.teacher.requires_grad_(False)
        self.bank = MemoryBank(queue_size, widths)
        self.keys: dict[str, Tensor] = {}
        self.register_buffer('stage', torch.zeros((), dtype=torch.long))

    @property
    def is_labelled(self) -> bool:
        """Whether the clusters of a round are there."""
        return self.stage > 0 and self.stage % 2 == 0

    def before_update(self) -> None:
        """Begins a round, or finds its clusters an epoch later."""
        stage = sum((self.epoch >= start) + (self.epoch > start) for start in self.rounds)
        for name in self.streams if stage != self.stage else ():
            if stage % 2:
                self.teacher[name].load_state_dict(self.encoder[name].backbone.state_dict())
            else:
                self.clusters[name].fit(self.bank[name], seed=stage)
                for parameter in self.classifier[name].parameters():
                    nn.init.zeros_(parameter)
        self.stage.fill_(stage)

    def loss(self, inputs: Sequence[Tensor], data_samples: dict | None = None) -> dict[str, Tensor]:
        """Losses ``loss_{stream}_{reconstruct, decorrelate, label}`` of three views (N, M, T, V, C), the whole last."""
        losses, self.keys, self.embeddings = {}, {}, {}
        *views, wholes = map(self.split, inputs)
        for name in self.streams:
            features = [self.encoder[name].backbone(view[name]) for view in views]
            a, b = (gather_clips(self.encoder[name].neck(feature)) for feature in features)
            self.embeddings[name] = a.detach()
            every, target = torch.cat(features), self.target(name, wholes[name])
            terms = dict(
                reconstruct=self.reconstruct_weight * F.smooth_l1_loss(self.decoder[name](every), target.repeat(2, 1)),
                decorrelate=self.decorrelate_weight * barlow_twins(a, b, self.redundancy_weight),
            )
            if self.rounds:
                label = self.labels(name, wholes[name]).repeat(2)
                told = F.cross_entropy(self.classifier[name](every), label, label_smoothing=self.label_smoothing)
                terms['label'] = self.label_weight * self.is_labelled * told
            losses |= {f'loss_{name}_{term}': value for term, value in terms.items()}
        return losses

    def target(self, name: str, whole: Tensor) -> Tensor:
        """(N, D) the whole clip (N, M, T, V, C) at evenly spaced frames, standardized."""
        frames = torch.linspace(0, whole.shape[2] - 1, self.target_frames, device=whole.device).round().long()
        return self.standardize[name](whole.index_select(2, frames).flatten(1))

    @torch.no_grad()
    def labels(self, name: str, whole: Tensor) -> Tensor:
        """(N,) clusters of the whole clip (N, M, T, V, C); leaves the features that they are found by in ``keys``."""
        self.keys[name] = self.teacher[name].eval()(whole)
        return self.clusters[name](self.keys[name])

    def to_enqueue(self) -> dict[str, Tensor]:
        return self.keys

    def after_update(self, batches: Sequence[Mapping[str, Tensor]]) -> None:
        """Keeps the features of whole clips."""
        if self.rounds:
            self.bank.enqueue({name: torch.cat([batch[name] for batch in batches]) for name in self.streams})

    def remarks(self, dataset: SkeletonDataset) -> list[str]:
        """Whether an epoch fills the bank: else it holds features of the copy before as well."""
        size, clips = self.bank.size, len(dataset)
        text = f'model.queue_size={size} is more than the {clips} training clips: set it to their number.'
        return [text] if self.rounds and size > clips else []
