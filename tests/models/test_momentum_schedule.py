import copy

import pytest
import torch

from mmskelssl.models.momentum_schedule import MomentumSchedule, read_momentum
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError


def test_linear_and_cosine():
    linear = MomentumSchedule(0.5, 1.0, steps=10)
    assert [linear.at(step, 99) for step in (0, 5, 10, 50)] == [0.5, 0.75, 1.0, 1.0]
    cosine = MomentumSchedule(0.6, 1.0, curve='cosine')
    assert [cosine.at(step, 8) for step in (0, 2, 4, 8)] == pytest.approx([0.6, 0.6586, 0.8, 1.0], abs=1e-4)
    assert MomentumSchedule(0.5, 1.0).at(0, 0) == 0.5  # a model that nobody told of a training


@pytest.mark.shared
def test_official_decays_and_what_they_average(shared):
    golden = torch.load(shared / 'golden' / 'skeleton2vec.pt', weights_only=True)
    start, end, steps = golden['config']['ema']
    schedule = MomentumSchedule(start, end, steps)
    assert [schedule.at(n, 1) for n in range(len(golden['ema']['decays']))] == pytest.approx(golden['ema']['decays'])


@pytest.mark.parametrize(
    ('momentum', 'message'),
    [
        (1.2, r'model.momentum=1.2 is not within \[0, 1\]'),
        (dict(start=0.9), 'is not a schedule: give .*start.*end'),
        (dict(start=0.9, end=1.1), 'end=1.1'),
        (dict(start=0.9, end=1.0, steps=0), 'steps=0'),
        (dict(start=0.9, end=1.0, curve='square'), "curve='square'"),
    ],
)
def test_what_is_not_a_momentum_is_refused(momentum, message):
    with pytest.raises(ConfigError, match=message):
        read_momentum('momentum', momentum)


def test_followers_move_by_the_schedule():
    """The move before the first update is of no use; the one before the second has the schedule's first value."""
    model = MODELS.build(
        dict(
            type='SkeletonCLR',
            backbone=dict(type='BiGRU', hidden_channels=4),
            layout='kinect20',
            num_persons=1,
            queue_size=4,
            momentum=dict(start=0.5, end=0.9, steps=2),
        )
    )
    for updates, alpha in [(0, 0.5), (1, 0.5), (2, 0.7), (3, 0.9), (7, 0.9)]:
        for parameter in model.encoder.parameters():
            parameter.data.add_(1)
        before = copy.deepcopy(model.encoder_k)
        model.updates = updates
        model.before_update()
        for now, old, query in zip(
            model.encoder_k.parameters(), before.parameters(), model.encoder.parameters(), strict=True
        ):
            torch.testing.assert_close(now, alpha * old + (1 - alpha) * query)
