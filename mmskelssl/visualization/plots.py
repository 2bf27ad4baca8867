"""Curves, confusion matrices and embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import PowerNorm, hsv_to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

MAX_MARKED_POINTS = 40
MAX_CLASSES_WITH_NUMBERS = 30
LEGEND_ROWS = 30


def plot_curves(
    series: Mapping[str, tuple[ArrayLike, ArrayLike]], title: str, ylabel: str, xlabel: str = 'step'
) -> Figure:
    """Draws named curves into one diagram.

    Args:
        series: Name to its x (n,) and y (n,); x are counts of steps or epochs. NaN leaves a gap.
        title: Title of the figure.
        ylabel: What y is.
        xlabel: What x is.
    """
    figure = Figure(figsize=(8, 4.8), layout='constrained')
    axes = figure.subplots()
    for index, (name, (x, y)) in enumerate(series.items()):
        x, y = np.asarray(x, float), np.asarray(y, float)
        marker = 'o' if len(x) <= MAX_MARKED_POINTS else None
        style = ('-', '--', ':', '-.')[index // 10 % 4]
        axes.plot(x, y, style, color=f'C{index % 10}', marker=marker, markersize=3, linewidth=1.3, label=name)
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.grid(alpha=0.3)
    axes.spines[['top', 'right']].set_visible(False)
    if len(series) > 6:
        figure.legend(loc='outside right upper', fontsize=8, frameon=False)
    else:
        axes.legend(fontsize=8)
    return figure


def plot_confusion(matrix: ArrayLike, classes: Sequence[str], title: str | None = None) -> Figure:
    """Draws a confusion matrix, every row in percent of its class's clips; a class without clips stays blank.

    Args:
        matrix: (K, K) counts; rows are true classes, columns predicted ones.
        classes: The K names.
        title: Title; without it the accuracy over clips and over classes is named.
    """
    counts = np.asarray(matrix, float)
    number = len(classes)
    totals = counts.sum(axis=1, keepdims=True)
    percent = np.divide(100 * counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)
    # From 30 classes on the figure grows with the names, whose letters cannot become smaller.
    side = max(5.0, 0.36 * number if number <= MAX_CLASSES_WITH_NUMBERS else 0.155 * number + 5)
    figure = Figure(figsize=(side + 2.5, side + 2), layout='constrained')
    axes = figure.subplots()
    # Equal steps of colour would hide the confusions, a few percent each, beside the diagonal.
    image = axes.imshow(percent, cmap='Blues', norm=PowerNorm(0.5, 0, 100))
    axes.set_facecolor('0.92')
    axes.set_xticks(range(number), classes, rotation=90 if number > 6 else 0, fontsize=7 if number > 30 else 8)
    axes.set_yticks(range(number), classes, fontsize=7 if number > 30 else 8)
    axes.set(xlabel='predicted', ylabel='true')
    if number <= MAX_CLASSES_WITH_NUMBERS:
        for row, column in np.argwhere(percent >= 0.5):
            value = percent[row, column]
            axes.text(
                column, row, f'{value:.0f}', ha='center', va='center', fontsize=7, color='w' if value > 35 else 'k'
            )
    else:
        axes.set_xticks(np.arange(number) - 0.5, minor=True)
        axes.set_yticks(np.arange(number) - 0.5, minor=True)
        axes.grid(which='minor', color='0.93', linewidth=0.4)
        axes.tick_params(which='minor', length=0)
    figure.colorbar(image, ax=axes, label='% of the true class', shrink=0.6, aspect=30)
    axes.set_title(title if title is not None else _accuracies(counts, percent))
    return figure


def plot_embedding(points: ArrayLike, labels: ArrayLike, classes: Sequence[str], title: str) -> Figure:
    """Draws points of the plane in the colours of their classes.

    A class keeps its colour and marker whichever other classes are there.

    Args:
        points: (N, 2) coordinates.
        labels: (N,) classes, 0-based.
        classes: Names of all classes.
        title: Title of the figure.
    """
    points, labels = np.asarray(points, float), np.asarray(labels)
    present = np.unique(labels)
    columns = -(-len(present) // LEGEND_ROWS)
    figure = Figure(figsize=(8 + 2.2 * columns, 7), layout='constrained')
    axes = figure.subplots()
    size = float(np.clip(12000 / len(points), 6, 40))
    # Ten colours of six shapes tell more classes apart than as many near-equal colours.
    number = len(classes)
    colors = class_colors(10)[np.arange(number) % 10] if 10 < number <= 60 else class_colors(number)
    for label in present:
        mine = points[labels == label]
        marker = 'o^sDvP'[label // 10 % 6] if len(classes) > 10 else 'o'
        axes.scatter(
            mine[:, 0],
            mine[:, 1],
            s=size,
            color=colors[label],
            marker=marker,
            linewidths=0,
            alpha=0.8,
            label=classes[label],
        )
    axes.set(title=title, xticks=[], yticks=[])
    axes.set_aspect('equal', adjustable='datalim')
    figure.legend(loc='outside right center', ncols=columns, fontsize=8, frameon=False)
    return figure


def class_colors(number: int) -> np.ndarray:
    """(number, 3) colours that can be told apart: ten or twenty known ones, beyond that hues of three strengths."""
    if number <= 20:
        return colormaps['tab10' if number <= 10 else 'tab20'](np.arange(number))[:, :3]
    index = np.arange(number)
    hsv = np.stack(
        [index / number, np.choose(index % 3, (0.9, 0.55, 0.8)), np.choose(index % 3, (0.85, 0.75, 0.5))], -1
    )
    return hsv_to_rgb(hsv)


def _accuracies(counts: np.ndarray, percent: np.ndarray) -> str:
    if not counts.any():
        return 'no clips'
    return (
        f'{100 * np.trace(counts) / counts.sum():.1f} % of clips, {np.nanmean(np.diag(percent)):.1f} % mean of classes'
    )
