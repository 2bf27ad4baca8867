"""Features in the plane."""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

METHODS = {'tsne': 't-SNE', 'pca': 'PCA'}
# t-SNE works on distances, and those of 2,048 dimensions cost much and say no more than those of their first 50
# principal components (van der Maaten & Hinton, Visualizing Data using t-SNE, JMLR 2008).
PCA_DIMENSIONS = 50
PERPLEXITY = 30


def choose_clips(labels: np.ndarray, num_classes: int, max_clips: int, seed: int) -> np.ndarray:
    """Positions (n,), in order, of at most ``max_clips`` random clips of the first ``num_classes`` classes."""
    candidates = np.flatnonzero(np.isin(labels, np.unique(labels)[:num_classes]))
    if len(candidates) > max_clips:
        candidates = np.random.default_rng(seed).choice(candidates, max_clips, replace=False)
    return np.sort(candidates)


def embed(features: np.ndarray, method: str, seed: int) -> np.ndarray:
    """Points (N, 2) for features (N, D), N at least 5, by one of ``METHODS``."""
    components = min(2 if method == 'pca' else PCA_DIMENSIONS, *features.shape)
    points = PCA(components, random_state=seed).fit_transform(features)
    if method == 'pca':
        return points
    perplexity = min(PERPLEXITY, (len(points) - 1) / 3)
    # Its threads share steps of microseconds: on cores that others use too they wait for each other, 60 s instead of 3.
    with threadpool_limits(1):
        return TSNE(perplexity=perplexity, init='pca', random_state=seed).fit_transform(points)
