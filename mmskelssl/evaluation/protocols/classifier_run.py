"""One classifier: trained by its config and asked for the scores of clips."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from mmengine.config import Config
from torch import Tensor

from mmskelssl.datasets import SkeletonDataset
from mmskelssl.evaluation.arrays import load_arrays, save_arrays
from mmskelssl.evaluation.features import encode
from mmskelssl.evaluation.processes import agreed, written_once
from mmskelssl.evaluation.protocols.training import trained
from mmskelssl.utils.errors import ReportError
from mmskelssl.utils.files import written_beside


def scores_of(
    cfg: Config, datasets: Mapping[str, SkeletonDataset], folder: Path, show: Callable[[int], None]
) -> dict[str, Tensor]:
    """Scores of clips by the classifier of a config, trained or read where it was trained before.

    Args:
        cfg: Of the classifier; it is written as ``config.py``.
        datasets: Name to clips; their scores are written as ``{name}.npz``.
        folder: Of all that is written.
        show: Is told how many epochs are done.

    Returns:
        Name to (N, K) scores.

    Raises:
        ReportError: If the folder holds scores of other clips.
    """
    if not agreed(all(_path(folder, name).exists() for name in datasets)):
        written_once(lambda: _dump(cfg, folder / 'config.py'))
        cfg.work_dir = str(folder)
        classifier = trained(cfg, show)
        for name, dataset in datasets.items():
            scores = encode(classifier, dataset, 'predict', what='Testing')['scores'][0]
            arrays = dict(names=dataset.names, labels=dataset.labels, scores=scores.numpy())
            written_once(lambda: save_arrays(_path(folder, name), **arrays))  # noqa: B023
    return {name: _read(_path(folder, name), dataset) for name, dataset in datasets.items()}


def _path(folder: Path, name: str) -> Path:
    return folder / f'{name}.npz'


def _read(path: Path, dataset: SkeletonDataset) -> Tensor:
    arrays = load_arrays(path, 'names', 'scores')
    if arrays['names'].tolist() != dataset.names.tolist():
        raise ReportError(f'{path} is of other clips: delete that folder to measure anew.')
    return torch.from_numpy(arrays['scores'])


def _dump(cfg: Config, path: Path) -> None:
    with written_beside(path) as beside:
        beside.write_text(cfg.pretty_text, encoding='utf-8')
