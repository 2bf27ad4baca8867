"""What a page draws: embeddings, retrievals and confusions, as plain data that names clips by their number."""

from __future__ import annotations

from collections import defaultdict, deque
from pathlib import Path

import numpy as np
import torch
from matplotlib.colors import to_hex

from mmskelssl.evaluation.arrays import load_arrays
from mmskelssl.evaluation.functional import nearest
from mmskelssl.evaluation.results import EvaluationReport, ProtocolResult
from mmskelssl.visualization.embedding import METHODS, choose_clips, embed
from mmskelssl.visualization.plots import class_colors
from mmskelssl.visualization.report.clips import PlayableClips

# As in figure 6 of I²MD; where there are more, a second picture has all.
EMBEDDED_CLASSES = 15
MAX_POINTS = 3000
# Of so many points of a picture the page holds the clip.
MAX_PLAYED = 300
COLOURS = 10
MIN_POINTS = 5
NEIGHBOURS = 5
# Confusions bring at most so many clips that are not on the page yet, over all results.
MAX_EXAMPLES = 300
EXAMPLES_A_CELL = 8


def embeddings(report: EvaluationReport, folder: Path, clips: PlayableClips) -> list[dict]:
    """Pictures of each modality with features, of the first classes and of all.

    Each has ``points`` (method to (N, 2)), (N,) ``labels`` and ``clips`` (None where the page has none), ``marks``
    (class to ``color`` and ``shape``), and ``classes``, which says of how many classes it is.
    """
    found = []
    for modality, result in _with_files(report, 'test_features').items():
        test = load_arrays(folder / result.files['test_features'], 'names', 'labels', 'features')
        number = len(np.unique(test['labels']))
        for classes in dict.fromkeys((min(number, EMBEDDED_CLASSES), number)):
            rows = choose_clips(test['labels'], classes, MAX_POINTS, seed=0)
            if len(rows) < MIN_POINTS:
                continue
            features = test['features'][rows].astype(np.float32)
            points = {name: _in_unit_square(embed(features, method, seed=0)) for method, name in METHODS.items()}
            found.append(
                dict(
                    name=modality,
                    classes=f'all {number} classes' if classes == number else f'first {classes} classes',
                    points={name: values.round(4).tolist() for name, values in points.items()},
                    labels=test['labels'][rows].tolist(),
                    clips=_some_clips(clips, test['names'][rows]),
                    marks=_marks(test['labels'][rows]),
                )
            )
    return found


def _some_clips(clips: PlayableClips, names: np.ndarray) -> list[int | None]:
    """For each point the number of its clip in the page; None but for ``MAX_PLAYED`` that are chosen at random."""
    chosen = set(np.random.default_rng(0).permutation(len(names))[:MAX_PLAYED].tolist())
    return [clips.add(str(name)) if place in chosen else None for place, name in enumerate(names)]


def retrievals(report: EvaluationReport, folder: Path, clips: PlayableClips) -> list[dict]:
    """For each modality with features: one random test clip a class and its nearest training clips by cosine."""
    found = []
    for modality, result in _with_files(report, 'test_features', 'train_features').items():
        test, train = (
            load_arrays(folder / result.files[f'{side}_features'], 'names', 'labels', 'features')
            for side in ('test', 'train')
        )
        random = np.random.default_rng(0)
        present = np.unique(test['labels'])
        queries = np.array([random.choice(np.flatnonzero(test['labels'] == label)) for label in present])
        similarities, positions = nearest(
            torch.from_numpy(test['features'][queries]),
            torch.from_numpy(train['features']),
            min(NEIGHBOURS, len(train['features'])),
        )
        rows = [
            dict(
                query=clips.add(str(test['names'][query])),
                label=int(test['labels'][query]),
                neighbours=[
                    dict(
                        clip=clips.add(str(train['names'][row])),
                        label=int(train['labels'][row]),
                        similarity=round(cosine, 3),
                    )
                    for row, cosine in zip(order, cosines, strict=True)
                ],
            )
            for query, order, cosines in zip(queries, positions.tolist(), similarities.tolist(), strict=True)
        ]
        found.append(dict(name=modality, rows=rows))
    return found


def outcomes(report: EvaluationReport, folder: Path, clips: PlayableClips) -> list[dict]:
    """For each result ``classes``, the (K,) accuracies, ``confusion`` (K, K), and ``examples``, clips of its cells."""
    return [
        dict(
            name=f'{result.protocol} · {result.modality}',
            classes=[None if value is None else round(value, 2) for value in result.per_class_accuracy],
            confusion=result.confusion,
            examples=_examples(result, folder, clips, MAX_EXAMPLES // len(report.results)),
        )
        for result in report.results
    ]


def _examples(result: ProtocolResult, folder: Path, clips: PlayableClips, new: int) -> dict[str, list[int]]:
    """``true,predicted`` to some of the cell's clips, those that are in the page first; ``new`` more may come."""
    if 'predictions' not in result.files:
        return {}
    arrays = load_arrays(folder / result.files['predictions'], 'names', 'labels', 'scores')
    predicted = arrays['scores'].argmax(-1)
    cells: dict[tuple[int, int], dict[str, None]] = defaultdict(dict)
    for run in predicted:
        for name, true, taken_for in zip(
            arrays['names'].tolist(), arrays['labels'].tolist(), run.tolist(), strict=True
        ):
            cells[true, taken_for][name] = None
    # Clips of the page first, which cost nothing; then the fullest cells first: they are looked at most.
    waiting = {
        cell: deque(sorted(names, key=lambda name: name not in clips)[:EXAMPLES_A_CELL])
        for cell, names in sorted(cells.items(), key=lambda cell: -len(cell[1]))
    }
    examples: dict[str, list[int]] = defaultdict(list)
    # A clip for each cell before a cell has a second one.
    for _ in range(EXAMPLES_A_CELL):
        for (true, taken_for), names in waiting.items():
            if names and (names[0] in clips or new):
                name = names.popleft()
                new -= name not in clips
                if (number := clips.add(name)) is not None:
                    examples[f'{true},{taken_for}'].append(number)
    return dict(examples)


def _with_files(report: EvaluationReport, *files: str) -> dict[str, ProtocolResult]:
    """Modality to its first result that kept all of these files."""
    found: dict[str, ProtocolResult] = {}
    for result in report.results:
        if set(files) <= set(result.files):
            found.setdefault(result.modality, result)
    return found


def _marks(labels: np.ndarray) -> dict[int, dict]:
    """Class to its ``color`` and ``shape`` (a number), together another than those of all other classes."""
    colors = [to_hex(color) for color in class_colors(COLOURS)]
    return {
        label: dict(color=colors[place % COLOURS], shape=place // COLOURS)
        for place, label in enumerate(np.unique(labels).tolist())
    }


def _in_unit_square(points: np.ndarray) -> np.ndarray:
    """The same picture, centred in the square from 0 to 1."""
    lowest, highest = points.min(axis=0), points.max(axis=0)
    return (points - (lowest + highest) / 2) / max((highest - lowest).max(), 1e-12) + 0.5
