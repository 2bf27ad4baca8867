"""Times the linear protocol against the one on cached features, in turn, and tells how far their accuracies agree.

The exact protocol crops and encodes every training clip anew in every epoch and trains one classifier; the fast one
encodes a few crops once and trains three seeds at nine learning rates on them. Neither begins with anything cached.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import torch

from mmskelssl.cli.exit_status import exit_status
from mmskelssl.evaluation.protocols import load_protocol
from mmskelssl.evaluation.reading import read_pretrained
from mmskelssl.evaluation.results import Statistic
from mmskelssl.evaluation.workspace import Workspace
from mmskelssl.utils import register_all_modules


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoints', nargs='+', help='pre-trained checkpoints, such as those of several seeds')
    parser.add_argument('--store', help='path of the clip store, where it lies elsewhere than the configs say')
    parser.add_argument('--modality', help="default: each checkpoint's first")
    parser.add_argument('--exact', default='linear', help='exact protocol (default: linear)')
    parser.add_argument('--fast', default='linear-fast', help='protocol on cached features (default: linear-fast)')
    parser.add_argument('--epochs', type=int, help="of both (default: the recipe's)")
    args = parser.parse_args()
    return exit_status(lambda: benchmark(args))


def benchmark(args: argparse.Namespace) -> None:
    register_all_modules()
    rows = []
    for checkpoint in args.checkpoints:
        model = read_pretrained(checkpoint, store=args.store, modalities=args.modality and [args.modality])
        row = {}
        for name in (args.exact, args.fast):
            options = {name: {'train_cfg.max_epochs': args.epochs}} if args.epochs else {}
            protocol = load_protocol(name, options)
            with tempfile.TemporaryDirectory() as folder:
                wall, cpu = time.perf_counter(), time.process_time()
                result = protocol.run(Workspace(model, Path(folder)), model.modalities[:1])
                row[name] = result.metrics['top1'], time.perf_counter() - wall, time.process_time() - cpu
        rows.append(row)
    print(table(args.checkpoints, rows))
    print(f'threads: {torch.get_num_threads()}; torch {torch.__version__}')


def table(checkpoints: list[str], rows: list[dict]) -> str:
    """The measurements in Markdown, and their comparison."""
    lines = ['| checkpoint | protocol | top-1 (%) | time (s) | CPU time (s) |', '|---|---|---|---|---|']
    for checkpoint, row in zip(checkpoints, rows, strict=True):
        lines += [
            f'| {checkpoint} | {name} | {top1} | {wall:.1f} | {cpu:.1f} |' for name, (top1, wall, cpu) in row.items()
        ]
    exact, fast = ([row[name] for row in rows] for name in rows[0])
    means = [Statistic([top1.mean for top1, *_ in part]) for part in (exact, fast)]
    ratios = [sum(e[i] for e in exact) / sum(f[i] for f in fast) for i in (1, 2)]
    lines += [
        '',
        f'over the checkpoints: exact {means[0]}, fast {means[1]}, difference {means[1].mean - means[0].mean:+.2f}',
        f'exact / fast: {ratios[0]:.1f} x the time, {ratios[1]:.1f} x the CPU time',
    ]
    return '\n'.join(lines)


if __name__ == '__main__':
    sys.exit(main())
