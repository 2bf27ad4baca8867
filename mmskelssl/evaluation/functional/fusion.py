"""Scores of several classifiers put together by clip name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mmskelssl.utils.errors import ReportError


def check_aligned(predictions: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """Refuses predictions that are not of the same clips in the same order.

    Args:
        predictions: What they are of to ``names`` (N,), ``labels`` (N,) and ``scores`` (R, N, K).

    Raises:
        ReportError: Naming the first clip that differs.
    """
    (first, reference), *others = predictions.items()
    for other, prediction in others:
        for key in ('names', 'labels'):
            a, b = reference[key], prediction[key]
            if len(a) != len(b):
                raise ReportError(f'Scores of {first} are of {len(a)} clips, those of {other} of {len(b)}: not fused.')
            if (a != b).any():
                row = int((a != b).argmax())
                raise ReportError(
                    f'Scores are misaligned: clip {row} has {key[:-1]} {str(a[row])!r} in {first}, {str(b[row])!r} in '
                    f'{other}: not fused. Evaluate both on the same store and split.'
                )
        if reference['scores'].shape != prediction['scores'].shape:
            raise ReportError(
                f'Scores (runs, clips, classes) have shape {reference["scores"].shape} in {first} and '
                f'{prediction["scores"].shape} in {other}: not fused.'
            )


def fuse_scores(scores: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    """Weighted mean of score arrays of one shape; the weights are taken relative to their sum."""
    shares = np.asarray(weights, np.float64) / np.sum(weights)
    return sum(share * score for share, score in zip(shares, scores, strict=True)).astype(np.float32)
