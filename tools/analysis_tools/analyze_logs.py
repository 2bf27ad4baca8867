"""Summarizes and draws the logs of runs; several are laid over each other.

A log is vis_data/scalars.json as training writes it, or a work directory, of which the newest run counts, with the
parts before it was resumed. The table gives the first, best and last value of each key; losses and validation metrics
are drawn into losses.png and metrics.png.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from mmskelssl.cli.exit_status import exit_status
from mmskelssl.evaluation.run_log import find_logs, read_run
from mmskelssl.utils.errors import LogError
from mmskelssl.visualization import plot_curves, save_figure

COUNTERS = ('epoch', 'iter', 'step')
UPKEEP = ('time', 'data_time', 'memory')


@dataclass
class Curve:
    """One key of one log: values at increasing steps."""

    log: str
    key: str
    is_training: bool
    steps: list[float]
    values: list[float]

    @property
    def best(self) -> float | None:
        """The lowest loss, the highest validation metric; None for what has no better or worse."""
        finite = [value for value in self.values if math.isfinite(value)]
        if 'loss' in self.key:
            return min(finite, default=None)
        return None if self.is_training or self.key in UPKEEP else max(finite, default=None)


def read_curves(name: str, rows: Iterable[dict]) -> list[Curve]:
    """All numbers of a log but its counters. Rows of training know their iteration, those of validation do not."""
    curves: dict[tuple[bool, str], Curve] = {}
    for row in rows:
        is_training = 'iter' in row
        for key, value in row.items():
            if key in COUNTERS or not isinstance(value, (int, float)):
                continue
            curve = curves.setdefault((is_training, key), Curve(name, key, is_training, [], []))
            curve.steps.append(row.get('step', math.nan))
            curve.values.append(value)
    return list(curves.values())


def short_names(paths: Sequence[Path]) -> list[str]:
    """What tells paths apart: their parts without those that all begin or end with."""
    parts = [path.resolve().parts for path in paths]
    if len(parts) == 1:
        return ['']
    shortest = min(len(p) for p in parts)
    head = next((i for i in range(shortest) if len({p[i] for p in parts}) > 1), shortest)
    tail = next((i for i in range(shortest - head) if len({p[-1 - i] for p in parts}) > 1), shortest - head)
    return ['/'.join(p[head : len(p) - tail]) or path.name for p, path in zip(parts, paths, strict=True)]


def select(curves: Sequence[Curve], patterns: Sequence[str] | None, logs: Sequence[Path]) -> list[Curve]:
    """The curves whose keys were asked for, by default all but times and memory."""
    if patterns is None:
        return [curve for curve in curves if curve.key not in UPKEEP]
    for pattern in patterns:
        if not any(fnmatchcase(curve.key, pattern) for curve in curves):
            known = ', '.join(sorted({curve.key for curve in curves}))
            raise LogError(f"No key '{pattern}' in {', '.join(map(str, logs))}. Keys: {known}.")
    return [curve for curve in curves if any(fnmatchcase(curve.key, pattern) for pattern in patterns)]


def table(curves: Sequence[Curve]) -> str:
    """First, best and last value of each curve, one per line."""
    heads = ('log', 'rows of', 'key', 'first', 'best', 'last', 'last step')
    rows = [heads]
    for c in curves:
        values = [*map(_number, (c.values[0], c.best, c.values[-1], c.steps[-1]))]
        rows.append((c.log, 'training' if c.is_training else 'validation', c.key, *values))
    # A single log needs no name.
    rows = [row if any(c.log for c in curves) else row[1:] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    names = len(widths) - 4
    return '\n'.join(
        '  '.join(
            f'{cell:<{w}}' if i < names else f'{cell:>{w}}' for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def draw(curves: Sequence[Curve], title: str, xlabel: str, path: Path) -> None:
    keys = {curve.key for curve in curves}
    series = {' '.join(filter(None, (c.log, c.key))): (c.steps, c.values) for c in curves}
    save_figure(plot_curves(series, title, keys.pop() if len(keys) == 1 else 'value', xlabel), path)
    print(f'picture: {path}')


def _number(value: float | None) -> str:
    return '-' if value is None else f'{value:.5g}' if abs(value) < 1e5 or not math.isfinite(value) else f'{value:.0f}'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('logs', nargs='+', type=Path, metavar='LOG', help='scalars.json or work directory')
    parser.add_argument('--keys', nargs='+', metavar='KEY', help='keys to show, such as loss or "knn/*"; default: all')
    parser.add_argument('--out', type=Path, help='folder for the pictures; default: beside the first log')
    return parser.parse_args()


def run(args: argparse.Namespace) -> None:
    runs = {find_logs(path)[-1]: read_run(path) for path in args.logs}
    logs, rows = list(runs), list(runs.values())
    names = short_names(logs)
    curves = [curve for name, own in zip(names, rows, strict=True) for curve in read_curves(name, own)]
    chosen = select(curves, args.keys, logs)
    print(table(chosen))
    out = args.out or logs[0].parent
    # Without being asked, draw of training what falls, not learning rates and the like.
    training = [c for c in chosen if c.is_training and (args.keys or 'loss' in c.key)]
    validation = [c for c in chosen if not c.is_training]
    in_epochs = any('epoch' in row for own in rows for row in own)
    if training:
        draw(training, 'Training', 'iteration', out / 'losses.png')
    if validation:
        draw(validation, 'Validation', 'epoch' if in_epochs else 'iteration', out / 'metrics.png')


def main() -> int:
    args = parse_args()
    return exit_status(lambda: run(args))


if __name__ == '__main__':
    sys.exit(main())
