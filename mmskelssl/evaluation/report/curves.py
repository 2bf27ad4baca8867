"""What pre-training logged."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from pathlib import Path

_UPKEEP = ('epoch', 'iter', 'step', 'lr', 'base_lr', 'time', 'data_time', 'memory')


def pretraining_curves(checkpoint: str) -> dict[str, list[list[float]]]:
    """What was logged by epoch, from the log beside a checkpoint.

    Args:
        checkpoint: Path; the newest run in its folder counts.

    Returns:
        Name to ``[[epoch, value], ...]``, the mean over an epoch's finite rows; empty without a log.
    """
    logs = sorted(Path(checkpoint).parent.glob('*/vis_data/scalars.json'))
    values: dict[str, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for line in logs[-1].read_text(encoding='utf-8').splitlines() if logs else ():
        try:
            row = json.loads(line)
        except ValueError:  # a last line that was cut off
            continue
        epoch = row.get('epoch', row.get('step'))
        for key, value in row.items():
            if ('loss' in key or '/' in key) and isinstance(value, (int, float)) and math.isfinite(value):
                values[key][epoch].append(value)
    return {
        key: [[epoch, sum(found) / len(found)] for epoch, found in by_epoch.items()] for key, by_epoch in values.items()
    }
