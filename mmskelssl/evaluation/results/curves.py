"""What pre-training logged."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path

from mmskelssl.evaluation.run_log import LogError, read_run


def pretraining_curves(checkpoint: str) -> dict[str, list[list[float]]]:
    """What was logged by epoch, from the log beside a checkpoint.

    Args:
        checkpoint: Path; the newest run in its folder counts, with the parts before it was resumed.

    Returns:
        Name to ``[[epoch, value], ...]``, the mean over an epoch's finite rows; empty without a log.
    """
    try:
        rows = read_run(Path(checkpoint).parent)
    except LogError:
        return {}
    values: dict[str, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        epoch = row.get('epoch', row.get('step'))
        for key, value in row.items():
            if ('loss' in key or '/' in key) and isinstance(value, (int, float)) and math.isfinite(value):
                values[key][epoch].append(value)
    return {
        key: [[epoch, sum(found) / len(found)] for epoch, found in by_epoch.items()] for key, by_epoch in values.items()
    }
