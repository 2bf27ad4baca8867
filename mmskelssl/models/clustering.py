"""Clusters of features as labels (DeepCluster, Caron et al., ECCV 2018), all of it part of a checkpoint."""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmskelssl.utils.errors import ConfigError


class Clusters(nn.Module):
    """Numbers features by the nearest centre, in the directions in which those that were fitted vary most.

    Features are centred, scaled to unit variance along these directions, and brought to unit length.

    Args:
        width: D of the features.
        number: Clusters.
        directions: How many are kept; those of least variance are noise.
    """

    mean: Tensor
    projection: Tensor
    centres: Tensor

    def __init__(self, width: int, number: int, directions: int = 64) -> None:
        super().__init__()
        self.register_buffer('mean', torch.zeros(width))
        self.register_buffer('projection', torch.zeros(width, min(directions, width)))
        self.register_buffer('centres', torch.zeros(number, min(directions, width)))

    @torch.no_grad()
    def fit(self, features: Tensor, seed: int) -> None:
        """Finds the clusters of features (N, D), by k-means from starts that depend on the seed alone.

        Raises:
            ConfigError: If there are fewer features than clusters.
        """
        if len(features) < len(self.centres):
            raise ConfigError(f'{len(self.centres)} clusters of {len(features)} clips: lower model.num_clusters.')
        self.mean.copy_(features.mean(0))
        _, deviations, axes = torch.linalg.svd(features - self.mean, full_matrices=False)
        kept = min(self.projection.shape[1], len(axes))
        scale = len(features) ** 0.5 / deviations[:kept].clamp(min=1e-6 * deviations[0])
        self.projection.zero_()[:, :kept] = axes[:kept].T * scale
        self.centres.copy_(k_means(self.points(features), len(self.centres), seed))

    @torch.no_grad()
    def classify_by(self, classifier: nn.Linear) -> None:
        """Lets scores begin as the inner products of whitened features and centres, alike on all processes."""
        classifier.weight.copy_(self.centres @ self.projection.T)
        classifier.bias.copy_(-classifier.weight @ self.mean)

    def points(self, features: Tensor) -> Tensor:
        """(N, directions) of unit length, of features (N, D)."""
        return F.normalize((features - self.mean) @ self.projection, dim=1)

    @torch.no_grad()
    def forward(self, features: Tensor) -> Tensor:
        """(N,) the number of the nearest centre of features (N, D)."""
        return torch.cdist(self.points(features), self.centres).argmin(1)


class SelfLabels(nn.Module):
    """A copy of a backbone, the clusters of its features, and the classifier that is to tell them; renewed in rounds.

    Args:
        backbone: The module that is copied, and whose features are classified.
        number: Clusters.
        smoothing: Share of a label that is spread over all.
    """

    stage: Tensor

    def __init__(self, backbone: Any, number: int, smoothing: float = 0.1) -> None:
        super().__init__()
        self.smoothing = smoothing
        self.register_buffer('stage', torch.zeros((), dtype=torch.long))
        self.teacher = copy.deepcopy(backbone).requires_grad_(False)
        self.clusters = Clusters(backbone.out_channels, number)
        self.classifier = nn.Linear(backbone.out_channels, number)

    def advance(self, stage: int, backbone: nn.Module, features: Tensor) -> None:
        """At a new odd stage the backbone is copied; at an even one features (N, D) are clustered, and labels begin."""
        if stage == self.stage:
            return
        self.stage.fill_(stage)
        if stage % 2:
            self.teacher.load_state_dict(backbone.state_dict())
        else:
            self.clusters.fit(features, seed=stage)
            self.clusters.classify_by(self.classifier)

    @torch.no_grad()
    def taught(self, view: Tensor) -> Tensor:
        """(N, D) the copy's features of views (N, M, T, V, C)."""
        return self.teacher.eval()(view)

    def loss(self, features: Tensor, taught: Tensor) -> Tensor:
        """Cross-entropy of features (N, D) with the clusters of the copy's features (N, D); 0 while there are none."""
        told = F.cross_entropy(self.classifier(features), self.clusters(taught), label_smoothing=self.smoothing)
        return told * (self.stage > 0) * (self.stage % 2 == 0)


@torch.no_grad()
def k_means(points: Tensor, number: int, seed: int, steps: int = 30, starts: int = 3) -> Tensor:
    """Centres (number, D) of points (N, D): the best of several starts by k-means++ (Arthur & Vassilvitskii, 2007).

    Chance is that of the seed, drawn on the CPU, so that all processes and devices find the same.
    """
    generator = torch.Generator().manual_seed(seed)
    found = [_from_start(points, _start(points, number, generator), steps) for _ in range(starts)]
    return min(found, key=lambda centres: torch.cdist(points, centres).amin(1).square().sum())


def _start(points: Tensor, number: int, generator: torch.Generator) -> Tensor:
    """Points (number, D), each drawn in proportion to its squared distance from those before."""
    drawn = [int(torch.randint(len(points), (), generator=generator))]
    distance = (points - points[drawn[0]]).square().sum(1)
    for _ in range(number - 1):
        drawn.append(int(torch.multinomial(distance.clamp(min=1e-12).cpu(), 1, generator=generator)))
        distance = distance.minimum((points - points[drawn[-1]]).square().sum(1))
    return points[drawn]


def _from_start(points: Tensor, centres: Tensor, steps: int) -> Tensor:
    for _ in range(steps):
        own = torch.cdist(points, centres).argmin(1)
        counts = own.bincount(minlength=len(centres))[:, None]
        sums = torch.zeros_like(centres).index_add_(0, own, points)
        centres = torch.where(counts > 0, sums / counts.clamp(min=1), centres)
    return centres
