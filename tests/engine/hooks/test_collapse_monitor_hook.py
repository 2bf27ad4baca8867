import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.runner.priority import get_priority
from workshop import Toy

from mmskelssl.engine.hooks import CollapseMonitorHook, QueueEnqueueHook


def batch(*angles):
    """Embeddings at these angles, of lengths that do not matter."""
    angles = torch.tensor(angles, dtype=torch.float32).deg2rad()
    lengths = torch.arange(1.0, len(angles) + 1)[:, None]
    return dict(inputs=lengths * torch.stack([angles.cos(), angles.sin(), 0 * angles], 1))


@pytest.fixture
def monitored(make_runner):
    """Trains an epoch on batches and gives the logged rows by step and the warnings."""

    def train(batches, model=None, **options):
        hook = dict(dict(type='CollapseMonitorHook', interval=1), **options)
        runner = make_runner(model or Toy(), batches, [hook])
        warnings = []
        runner.logger.warning = warnings.append
        runner.train()
        (path,) = Path(runner.work_dir).glob(f'{runner.timestamp}/vis_data/scalars.json')
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        return SimpleNamespace(rows={row['step']: row for row in rows}, warnings=warnings)

    return train


def test_measures_the_embeddings_of_the_step(monitored):
    run = monitored([batch(0, 90), batch(0, 180), batch(0, 90, 180, 270), batch(30, 30)])
    assert sorted(run.rows) == [1, 2, 3, 4]
    assert run.rows[1]['monitor/joint_spread'] == pytest.approx(0.5**0.5)
    assert run.rows[2]['monitor/joint_spread'] == pytest.approx(1)
    assert run.rows[4]['monitor/joint_spread'] == pytest.approx(0, abs=1e-6)
    assert [run.rows[i]['monitor/joint_rank'] for i in (1, 2, 3)] == pytest.approx([2, 1, 2], abs=1e-3)
    assert run.rows[4]['iter'] == 4
    assert not run.warnings  # not in the first epoch


def test_every_interval(monitored):
    assert sorted(monitored([batch(0, 90)] * 7, interval=3).rows) == [3, 6]


def test_every_embedding_is_measured_by_its_name(monitored):
    class Two(Toy):
        def forward(self, *args, **kwargs):
            losses = super().forward(*args, **kwargs)
            self.embeddings['bone'] = torch.ones(2, 3)
            return losses

    row = monitored([batch(0, 180)], Two()).rows[1]
    assert row['monitor/joint_spread'] == pytest.approx(1)
    assert row['monitor/bone_spread'] == pytest.approx(0, abs=1e-6)


def test_a_model_that_embeds_nothing_has_no_rows(make_runner):
    class Silent(Toy):
        def forward(self, inputs, data_samples=None, mode='tensor'):
            return dict(loss=(self.weight * inputs).mean())

    runner = make_runner(Silent(), [batch(0, 90)], [dict(type='CollapseMonitorHook', interval=1)])
    runner.train()
    assert not [path for path in Path(runner.work_dir).rglob('scalars.json') if 'monitor' in path.read_text()]


def test_collapse_is_warned_about_when_it_begins(monitored):
    apart, same = dict(inputs=torch.cat([torch.eye(3), -torch.eye(3)])), batch(5, 5, 5, 5)
    run = monitored([apart, same, same, same, apart, same, same], begin=0)
    assert len(run.warnings) == 2
    assert 'The embeddings of joint have collapsed: the last 4 have spread' in run.warnings[0]
    assert 'effective rank 1 ' in run.warnings[0].replace('rank 1.', 'rank 1 ')
    assert 'docs/troubleshooting.md' in run.warnings[0]


def test_one_dimension_is_a_collapse_although_it_spreads(monitored):
    run = monitored([batch(0, 180, 0, 180)], begin=0)
    assert run.rows[1]['monitor/joint_spread'] == pytest.approx(1) and len(run.warnings) == 1


def test_it_comes_before_the_enqueue():
    assert get_priority(CollapseMonitorHook.priority) < get_priority(QueueEnqueueHook.priority)
