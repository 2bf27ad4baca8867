"""What a data set is made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

MAX_BINS = 60
MAX_NAMED_CLASSES = 60
MAX_CHARACTERS = 40


def plot_histograms(lengths: ArrayLike, labels: ArrayLike, classes: Sequence[str], title: str) -> Figure:
    """Draws how long the clips of a data set are, and how many there are of each class.

    Args:
        lengths: (N,) frames of the clips.
        labels: (N,) classes, 0-based.
        classes: Names of all classes.
        title: Title of the figure.
    """
    lengths = np.asarray(lengths)
    counts = np.bincount(np.asarray(labels), minlength=len(classes))
    named = len(classes) <= MAX_NAMED_CLASSES
    height = max(4.0, 0.17 * len(classes) + 1.2 if named else 6.0)
    figure = Figure(figsize=(11, height), layout='constrained')
    left, right = figure.subplots(1, 2)

    width = -(-(np.ptp(lengths) + 1) // MAX_BINS)
    edges = np.arange(lengths.min(), lengths.max() + width + 1, width) - 0.5
    left.hist(lengths, edges, color='#08519c')
    median = np.median(lengths)
    left.axvline(median, color='#d94801', linewidth=1)
    left.annotate(f' median {median:g}', (median, 1), xycoords=('data', 'axes fraction'), va='top', color='#d94801')
    left.set(xlabel='frames of a clip', ylabel='clips', title=f'{len(lengths)} clips, {lengths.sum()} frames')

    if named:
        shown = [name if len(name) <= MAX_CHARACTERS else f'{name[: MAX_CHARACTERS - 1]}…' for name in classes]
        right.barh(range(len(classes)), counts, color='#08519c')
        right.set_yticks(range(len(classes)), shown, fontsize=7)
    else:
        right.barh(range(len(classes)), counts, height=1.0, color='#08519c')
        right.set_ylabel('class')
    right.set_ylim(len(classes) - 0.4, -0.6)
    right.set(xlabel='clips', title=f'{len(classes)} classes of {counts.min()} to {counts.max()} clips')
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in (left, right):
        axes.spines[['top', 'right']].set_visible(False)
    for axis in (left.yaxis, right.xaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    figure.suptitle(title)
    return figure
