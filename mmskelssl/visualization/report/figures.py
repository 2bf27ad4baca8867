"""What a page draws: embeddings, retrievals and confusions, as plain data that names clips by their number."""

from __future__ import annotations

from collections import defaultdict
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

# As in figure 6 of I²MD.
EMBEDDED_CLASSES = 15
MAX_POINTS = 600
MIN_POINTS = 5
NEIGHBOURS = 5
# A confusion without a clip on the page may add one; at most so many do, over all results.
MAX_EXAMPLES = 300
EXAMPLES_A_CELL = 8


def embeddings(report: EvaluationReport, folder: Path, clips: PlayableClips) -> list[dict]:
    """For each modality with features: ``points`` (method to (N, 2)), (N,) ``labels`` and ``clips``, and ``colors``."""
    found = []
    for modality, result in _with_files(report, 'test_features').items():
        test = load_arrays(folder / result.files['test_features'], 'names', 'labels', 'features')
        rows = choose_clips(test['labels'], EMBEDDED_CLASSES, MAX_POINTS, seed=0)
        if len(rows) < MIN_POINTS:
            continue
        features = test['features'][rows].astype(np.float32)
        points = {name: _in_unit_square(embed(features, method, seed=0)) for method, name in METHODS.items()}
        found.append(
            dict(
                name=modality,
                points={name: values.round(4).tolist() for name, values in points.items()},
                labels=test['labels'][rows].tolist(),
                clips=clips.add_all(test['names'][rows]),
                colors=_colors(test['labels'][rows]),
            )
        )
    return found


def retrievals(report: EvaluationReport, folder: Path, clips: PlayableClips) -> list[dict]:
    """For each modality with features: one random test clip a class and its nearest training clips by cosine."""
    found = []
    for modality, result in _with_files(report, 'test_features', 'train_features').items():
        test, train = (
            load_arrays(folder / result.files[f'{side}_features'], 'names', 'labels', 'features')
            for side in ('test', 'train')
        )
        random = np.random.default_rng(0)
        present = np.unique(test['labels'])[:EMBEDDED_CLASSES]
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
    """``true,predicted`` to some of the cell's clips, those that are in the page first; ``new`` cells bring one."""
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
    examples = {}
    # The fullest cells first: they are looked at most.
    for (true, taken_for), names in sorted(cells.items(), key=lambda cell: -len(cell[1])):
        shown = [name for name in names if name in clips][:EXAMPLES_A_CELL]
        if not shown and new:
            shown = list(names)[:1]
            new -= 1
        ids = [number for number in clips.add_all(shown) if number is not None]
        if ids:
            examples[f'{true},{taken_for}'] = ids
    return examples


def _with_files(report: EvaluationReport, *files: str) -> dict[str, ProtocolResult]:
    """Modality to its first result that kept all of these files."""
    found: dict[str, ProtocolResult] = {}
    for result in report.results:
        if set(files) <= set(result.files):
            found.setdefault(result.modality, result)
    return found


def _colors(labels: np.ndarray) -> dict[int, str]:
    """Class to its colour, as different as possible from the others."""
    present = np.unique(labels).tolist()
    return dict(zip(present, map(to_hex, class_colors(len(present))), strict=True))


def _in_unit_square(points: np.ndarray) -> np.ndarray:
    """The same picture, centred in the square from 0 to 1."""
    lowest, highest = points.min(axis=0), points.max(axis=0)
    return (points - (lowest + highest) / 2) / max((highest - lowest).max(), 1e-12) + 0.5
