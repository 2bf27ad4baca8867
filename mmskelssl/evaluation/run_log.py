"""What a run logged: the ``vis_data/scalars.json`` of MMEngine, a row of JSON for every interval."""

from __future__ import annotations

import json
import math
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmskelssl.utils.errors import LogError


def read_run(path: Path) -> list[dict]:
    """The rows of a run.

    Args:
        path: A log, or a work directory: the newest run in it, with the parts before it was resumed.

    Raises:
        LogError: If there is no log, or a file is not a log.
    """
    rows: list[dict] = []
    for log in find_logs(path):
        rows = resumed(rows, read_rows(log))
    return rows


def find_logs(path: Path) -> list[Path]:
    """The log itself, or those in a work directory in the order in which they were begun.

    Raises:
        LogError: If there is no log.
    """
    if not path.is_dir():
        return [path]
    patterns = ('scalars.json', 'vis_data/scalars.json', '*/vis_data/scalars.json')
    found = sorted(file for pattern in patterns for file in path.glob(pattern))
    if not found:
        raise LogError(f'{path} holds no run: no {" or ".join(patterns)} in it.')
    return found


def resumed(before: Sequence[dict], rows: Sequence[dict]) -> list[dict]:
    """Rows of a run that was resumed from another one: rows of iterations that were done twice are replaced.

    Rows of training know iteration and epoch and those of validation their step, an epoch or, in runs by iteration, an
    iteration. A run that begins at the beginning replaces all.
    """
    first = next((row for row in rows if 'iter' in row), None)
    if first is None:  # cut off before it logged anything of training
        return [*before, *rows]
    ends = {True: first['iter'], False: first.get('epoch', first['iter'])}
    kept = [row for row in before if row.get('step', math.inf) < ends['iter' in row]]
    return [*kept, *rows] if any('iter' in row for row in kept) else [*rows]


def read_rows(path: Path) -> list[dict]:
    """The rows of a log; a last one that was cut off by an interruption is left out with a warning.

    Raises:
        LogError: If the file is not a log, or empty.
    """
    try:
        lines = path.read_text(encoding='utf-8', errors='replace').splitlines()
    except OSError as error:
        raise LogError(f'Log {path} cannot be read: {error.strerror}.') from error
    rows: list[dict] = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError
        except ValueError as error:
            if number == len(lines) and rows:
                print(f'warning: {path}: the last line is cut off and left out.', file=sys.stderr)
                break
            raise LogError(
                f'{path}, line {number}, is not a JSON object: give the scalars.json of a run. (It is: {line[:60]!r})'
            ) from error
        rows.append(row)
    if not rows:
        raise LogError(f'{path} is empty: nothing was logged yet.')
    return rows


def pretraining_curves(checkpoint: str) -> dict[str, list[list[float]]]:
    """What was logged by epoch, from the log beside a checkpoint.

    Args:
        checkpoint: Path; the newest run in its folder counts, with the parts before it was resumed.

    Returns:
        Name to ``[[epoch, value], ...]``, the mean over an epoch's finite rows; empty without a log. Rows that know
        their iteration alone, as those of monitors, count to the epoch that it lies in.
    """
    try:
        rows = read_run(Path(checkpoint).parent)
    except LogError:
        return {}
    values: dict[str, dict[Any, list[float]]] = defaultdict(lambda: defaultdict(list))
    length = max((row['iter'] / row['epoch'] for row in rows if 'iter' in row and 'epoch' in row), default=0)
    for row in rows:
        epoch = row.get('epoch', row.get('step'))
        if length and 'iter' in row and 'epoch' not in row:
            epoch = math.ceil(row['iter'] / length)
        for key, value in row.items():
            if ('loss' in key or '/' in key) and isinstance(value, (int, float)) and math.isfinite(value):
                values[key][epoch].append(value)
    return {
        key: [[epoch, sum(found) / len(found)] for epoch, found in by_epoch.items()] for key, by_epoch in values.items()
    }
