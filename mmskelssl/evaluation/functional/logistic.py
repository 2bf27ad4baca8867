"""A linear classifier of fixed features that has no learning rate: multinomial logistic regression."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmskelssl.evaluation.functional.feature_space import standardized

# Of a class without a training clip, and of any class that a clip is surely not of.
_LEAST = -30.0
# Steps of L-BFGS; what is standardized and penalized takes some hundreds.
_MAX_STEPS = 1000


def logistic_scores(train: Tensor, labels: Tensor, test: Tensor, strength: float, num_classes: int) -> Tensor:
    """Log-probabilities of classes by logistic regression on features standardized by the training features.

    The minimum over weights W of the mean cross-entropy plus ``strength / 2 * |W|²``, found by L-BFGS. It depends on
    neither the scale of the features nor a seed.

    Args:
        train: (N, D) features.
        labels: (N,) classes of these, on the same device.
        test: (Q, D) features.
        strength: Of the penalty.
        num_classes: K.

    Returns:
        (Q, K) of the features' type.
    """
    train, test = standardized(train, test)
    classes, targets = labels.unique(return_inverse=True)
    weight, bias = train.new_zeros(train.shape[1], len(classes)), train.new_zeros(len(classes))
    optimizer = torch.optim.LBFGS(
        [weight.requires_grad_(), bias.requires_grad_()],
        max_iter=_MAX_STEPS,
        tolerance_grad=1e-6,
        tolerance_change=0,
        line_search_fn='strong_wolfe',
    )

    def objective() -> Tensor:
        optimizer.zero_grad()
        value = F.cross_entropy(train @ weight + bias, targets) + strength / 2 * weight.square().sum()
        value.backward()
        return value

    with torch.enable_grad():
        optimizer.step(objective)
    scores = test.new_full((len(test), num_classes), _LEAST)
    scores[:, classes] = (test @ weight + bias).detach().log_softmax(1).clamp(min=_LEAST)
    return scores
