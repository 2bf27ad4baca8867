"""What pre-training cost, as far as a checkpoint and its log tell."""

from __future__ import annotations

from pathlib import Path

from mmskelssl.evaluation.pretrained_model import PretrainedModel
from mmskelssl.evaluation.run_log import read_run
from mmskelssl.utils.errors import LogError


def pretraining_cost(model: PretrainedModel) -> dict[str, float]:
    """``parameters`` of the evaluated backbones, and of a run that left a log ``epochs``, ``clips`` and ``minutes``.

    Minutes are those of the training steps, without validation and without the start.

    Args:
        model: What is evaluated.
    """
    backbones = [model.encoder(stream).backbone for stream in model.streams]
    cost: dict[str, float] = dict(parameters=sum(p.numel() for backbone in backbones for p in backbone.parameters()))
    if model.epoch is None:
        return cost
    cost['epochs'] = model.epoch
    if not model.is_transfer:
        cost['clips'] = len(model.train_clips)
    try:
        rows = [row for row in read_run(Path(model.checkpoint).parent) if 'iter' in row and 'time' in row]
    except LogError:
        return cost
    # A row's time is the mean of the steps since the one before.
    steps, seconds = 0, 0.0
    for row in rows:
        if row.get('epoch', 0) <= model.epoch:
            seconds += row['time'] * (row['iter'] - steps)
            steps = row['iter']
    return dict(cost, minutes=round(seconds / 60, 2)) if seconds else cost
