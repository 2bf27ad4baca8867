import json
from dataclasses import replace
from pathlib import Path

import pytest

from mmskelssl.evaluation.cost import pretraining_cost


def test_what_checkpoint_and_log_tell(model, tmp_path):
    cost = pretraining_cost(model)
    found = [sum(p.numel() for p in model.encoder(m).backbone.parameters()) for m in model.modalities]
    assert cost == dict(parameters=sum(found), epochs=3, clips=60) and min(found) > 0
    assert pretraining_cost(replace(model, epoch=None)) == dict(parameters=sum(found))
    assert 'clips' not in pretraining_cost(replace(model, is_transfer=True))


def test_minutes_of_the_steps_up_to_the_checkpoint(model, tmp_path):
    log = tmp_path / '20260101_000000' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    rows = [
        dict(time=1.0, iter=10, epoch=1),
        {'knn/joint_top1': 5.0, 'step': 1, 'time': 99.0},
        dict(time=2.5, iter=30, epoch=3),
        dict(time=100.0, iter=40, epoch=4),  # after the checkpoint's epoch
    ]
    log.write_text('\n'.join(map(json.dumps, rows)))
    checkpoint = tmp_path / 'epoch_3.pth'
    checkpoint.write_bytes(Path(model.checkpoint).read_bytes())
    assert pretraining_cost(replace(model, checkpoint=str(checkpoint)))['minutes'] == pytest.approx(1.0)
