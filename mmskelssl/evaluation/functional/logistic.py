"""A linear classifier of fixed features that has no learning rate: multinomial logistic regression."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

# Of a class without a training clip, and of any class that a clip is surely not of.
_LEAST = -30.0
_MAX_STEPS = 1000


def logistic_scores(train: Tensor, labels: Tensor, test: Tensor, strength: float, num_classes: int) -> Tensor:
    """Log-probabilities of classes by logistic regression on features standardized by the training features.

    The minimum over weights W of the mean cross-entropy plus ``strength / 2 * |W|²``, found by L-BFGS. It depends on
    neither the scale of the features nor a seed.

    Args:
        train: (N, D) features.
        labels: (N,) classes of these.
        test: (Q, D) features.
        strength: Of the penalty.
        num_classes: K.

    Returns:
        (Q, K) float32.
    """
    # Here, since it takes a second that no other command should wait.
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    regression = LogisticRegression(C=1 / (strength * len(train)), max_iter=_MAX_STEPS)
    fitted = make_pipeline(StandardScaler(), regression).fit(train.double().cpu().numpy(), labels.cpu().numpy())
    scores = np.full((len(test), num_classes), _LEAST)
    scores[:, fitted.classes_] = fitted.predict_log_proba(test.double().cpu().numpy()).clip(min=_LEAST)
    return torch.from_numpy(scores).float()
