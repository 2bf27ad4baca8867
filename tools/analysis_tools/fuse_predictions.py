"""Fuses the predictions of several checkpoints, such as one for each modality, by clip name."""

import argparse
import sys
from pathlib import Path

import torch

from mmskelssl.cli.exit_status import exit_status
from mmskelssl.evaluation.arrays import load_arrays, save_arrays
from mmskelssl.evaluation.functional import check_aligned, fuse_scores, topk_accuracy
from mmskelssl.evaluation.results import Statistic
from mmskelssl.utils.errors import ReportError


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('predictions', nargs='+', type=Path, help='predictions.npz of tools/evaluate.py')
    parser.add_argument('--weights', nargs='+', type=float, help='one for each file (default: equal)')
    parser.add_argument('--out', type=Path, help='file to write the fused predictions to')
    args = parser.parse_args()
    return exit_status(lambda: fuse(args.predictions, args.weights, args.out))


def fuse(paths: list[Path], weights: list[float] | None, out: Path | None) -> None:
    weights = weights or [1.0] * len(paths)
    if len(weights) != len(paths):
        raise ReportError(f'--weights: {len(weights)} weights for {len(paths)} files: give one for each file.')
    predictions = {str(path): load_arrays(path, 'names', 'labels', 'scores') for path in paths}
    check_aligned(predictions)
    scores = fuse_scores([prediction['scores'] for prediction in predictions.values()], weights)
    first = next(iter(predictions.values()))
    for path, part in [*((path, p['scores']) for path, p in predictions.items()), ('fused', scores)]:
        labels = torch.from_numpy(first['labels'])
        print(f'{path}: top-1 {Statistic([topk_accuracy(torch.from_numpy(run), labels, 1) for run in part])}')
    if out is not None:
        save_arrays(out, names=first['names'], labels=first['labels'], scores=scores)


if __name__ == '__main__':
    sys.exit(main())
