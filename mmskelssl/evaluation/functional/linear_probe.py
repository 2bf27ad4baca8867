"""Linear classifiers on fixed features, many at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

# Of LinearHead's batch normalization.
_NORM_EPS = 1e-6


@dataclass(frozen=True)
class LinearRecipe:
    """How a linear classifier is trained: SGD with a learning rate on steps or on a cosine, as in the papers.

    Args:
        epochs: Passes over the clips.
        batch_size: Clips of a step.
        milestones: Epochs before which the learning rate is multiplied by ``gamma``.
        gamma: See above.
        momentum: Of SGD.
        weight_decay: Of SGD.
        cosine: Whether the learning rate falls to 0 on a cosine, step by step, in the place of milestones.
        norm: Whether features are normalized by their batch in training, and by all training clips afterwards.
    """

    epochs: int
    batch_size: int
    milestones: tuple[int, ...] = ()
    gamma: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 0.0
    cosine: bool = False
    norm: bool = False

    def rate_factor(self, step: int, steps_of_epoch: int) -> float:
        """What the learning rate is multiplied by in a step, counted from 0."""
        if self.cosine:
            return (1 + math.cos(math.pi * step / (self.epochs * steps_of_epoch))) / 2
        return self.gamma ** sum(step >= milestone * steps_of_epoch for milestone in self.milestones)


@dataclass(frozen=True)
class LinearProbes:
    """A grid of linear classifiers.

    Args:
        weight: (S, L, D, K) for S seeds, L learning rates, D features and K classes.
        bias: (S, L, K).
    """

    weight: Tensor
    bias: Tensor

    def scores(self, features: Tensor) -> Tensor:
        """Features (N, D) to scores (S, L, N, K)."""
        return features @ self.weight + self.bias[..., None, :]


@torch.no_grad()
def train_linear_probes(
    features: Tensor,
    labels: Tensor,
    num_classes: int,
    recipe: LinearRecipe,
    learning_rates: Sequence[float],
    seeds: Sequence[int],
) -> LinearProbes:
    """Trains a classifier for each learning rate and seed, all with the same few matrix products a step.

    Weights begin as those of ``LinearHead`` do; the batches of a seed are the same for all learning rates. A step is
    SGD's on the cross-entropy, whose gradient is written out: softmax minus one-hot, times the features.

    Args:
        features: (R, N, D): R crops of each clip, of which every epoch takes one at random.
        labels: (N,) int64.
        num_classes: K.
        recipe: How all of them are trained.
        learning_rates: L of them.
        seeds: S of them; they fix initial weights, order and crops.
    """
    num_crops, num_clips, width = features.shape
    num_seeds, num_rates, device = len(seeds), len(learning_rates), features.device
    rows, labels = features.flatten(0, 1), labels.to(device)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def draw(function, *args) -> Tensor:
        return torch.stack([function(*args, generator=generator) for generator in generators]).to(device)

    weight = 0.01 * draw(torch.randn, width, num_classes).repeat(1, 1, num_rates)
    bias = weight.new_zeros(num_seeds, 1, num_rates * num_classes)
    velocities = [torch.zeros_like(weight), torch.zeros_like(bias)]
    rates = weight.new_tensor(learning_rates).repeat_interleave(num_classes)
    steps_of_epoch = -(-num_clips // recipe.batch_size)
    step = 0
    for _ in range(recipe.epochs):
        order = draw(torch.randperm, num_clips)
        crop = draw(torch.randint, num_crops, (num_clips,))
        for clips, chosen in zip(order.split(recipe.batch_size, 1), crop.split(recipe.batch_size, 1), strict=True):
            rate = rates * recipe.rate_factor(step, steps_of_epoch)
            step += 1
            batch = rows[chosen * num_clips + clips]
            if recipe.norm:
                batch = _normalized(batch, rows)
            scores = torch.baddbmm(bias, batch, weight).unflatten(-1, (num_rates, num_classes))
            truth = labels[clips][..., None, None].expand(-1, -1, num_rates, 1)
            error = scores.softmax(-1).scatter_add_(-1, truth, scores.new_tensor(-1.0).expand(truth.shape))
            error = error.flatten(2) / clips.shape[1]
            gradients = batch.mT @ error, error.sum(1, keepdim=True)
            for parameter, velocity, gradient in zip((weight, bias), velocities, gradients, strict=True):
                velocity.mul_(recipe.momentum).add_(gradient).add_(parameter, alpha=recipe.weight_decay)
                parameter.sub_(rate * velocity)
    weight = weight.unflatten(-1, (num_rates, num_classes)).transpose(1, 2)
    probes = LinearProbes(weight, bias[:, 0].unflatten(-1, (num_rates, num_classes)))
    return _of_features_as_they_are(probes, rows) if recipe.norm else probes


def _normalized(batch: Tensor, rows: Tensor) -> Tensor:
    """Features (S, B, D) with mean 0 and variance 1 in their batch; of one clip, by all rows (R, D)."""
    of = batch if batch.shape[1] > 1 else rows[None]
    return (batch - of.mean(1, keepdim=True)) * (of.var(1, unbiased=False, keepdim=True) + _NORM_EPS).rsqrt()


def _of_features_as_they_are(probes: LinearProbes, rows: Tensor) -> LinearProbes:
    """Probes of features that are not normalized, from those of features normalized by all rows (R, D)."""
    weight = probes.weight * (rows.var(0) + _NORM_EPS).rsqrt()[:, None]
    return LinearProbes(weight, probes.bias - rows.mean(0) @ weight)
