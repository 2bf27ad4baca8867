import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from random_views import keyed

from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.datasets.transforms import MultiView, RandomApply, RandomChoice, ViewPipeline
from mmskelssl.registry import TRANSFORMS
from mmskelssl.utils.errors import ConfigError

SPATIAL = [[dict(type='Shear')], [dict(type='JointCorruption', num_joints=15)]]
VIEW = [dict(type='TemporalCropResize', num_frames=16), dict(type='RandomChoice', transforms=SPATIAL)]


@TRANSFORMS.register_module()
class AddForTest(BaseTransform):
    """Adds a number, and a random one below 1 if asked for."""

    def __init__(self, number=0.0, chance=False):
        self.number, self.chance = number, chance

    def transform(self, results):
        view = results['inputs'] + self.number
        if self.chance:
            view = view + results['random'].uniform()[:, None, None, None, None]
        return dict(results, inputs=view)


def clips(number=12, persons=2):
    frames = torch.randn(number * persons * 30, 25, 3, generator=torch.Generator().manual_seed(2))
    every = torch.ones(number, dtype=torch.int64)
    return ClipBatch(frames, torch.arange(number) * persons * 30, every * 30, every * persons, persons)


def add(number=0.0, chance=False):
    return dict(type='AddForTest', number=number, chance=chance)


def test_choice_applies_exactly_one_branch_to_each_clip():
    view = torch.zeros(6000, 1, 1, 1, 1)
    got = RandomChoice([[add(1)], [add(2), add(20)], [add(3)]])(dict(inputs=view, random=keyed(6000)))[
        'inputs'
    ].flatten()
    values, counts = got.unique(return_counts=True)
    assert values.tolist() == [1, 3, 22]
    assert (counts - 2000).abs().max() < 150
    assert (view == 0).all()


@pytest.mark.parametrize('prob', [0.0, 0.2, 1.0])
def test_apply_leaves_the_other_clips(prob):
    view = torch.arange(5000.0)[:, None, None, None, None] * 10
    got = RandomApply([add(1), add(2)], prob)(dict(inputs=view, random=keyed(5000)))['inputs']
    added = (got - view).flatten()
    assert set(added.tolist()) <= {0, 3} and abs((added == 3).float().mean() - prob) < 0.02
    assert view.flatten().tolist() == [10 * i for i in range(5000)]


def test_apply_hands_on_chance_of_its_own():
    view = torch.zeros(3000, 1, 1, 1, 1)
    got = RandomApply([add(chance=True)], 0.5)(dict(inputs=view, random=keyed(3000)))['inputs'].flatten()
    drawn = got[got > 0]
    assert 1400 < len(drawn) < 1600 and abs(drawn.mean() - 0.5) < 0.03


def test_apply_depends_on_the_clip_alone():
    view = torch.zeros(20, 1, 1, 1, 1)
    step, random = RandomApply([add(chance=True)]), keyed(20)
    together = step(dict(inputs=view, random=random.fork(0)))['inputs']
    part = step(dict(inputs=view[5:7], random=random.fork(0).of(torch.tensor([5, 6]))))['inputs']
    assert torch.equal(together[5:7], part)


def test_apply_refuses_what_is_not_a_probability_and_another_shape():
    with pytest.raises(ConfigError, match='prob=1.5'):
        RandomApply([add(1)], 1.5)
    with pytest.raises(ConfigError, match='only steps that keep the shape'):
        RandomApply([dict(type='CutFrames', num_moving=1, num_random=0)])(
            dict(inputs=torch.zeros(2, 1, 4, 3, 3), random=keyed(2))
        )


def test_choice_is_even_between_the_two_augmentations_of_the_papers():
    view = torch.randn(2000, 1, 2, 25, 3, generator=torch.Generator().manual_seed(0))
    got = RandomChoice(SPATIAL)(dict(inputs=view, random=keyed(2000)))['inputs']
    changed = (got != view).any(-1)[:, 0, 0].sum(1)
    assert ((changed == 25) | (changed == 15)).all()
    assert 900 < (changed == 15).sum() < 1100


def test_choice_keeps_the_clips_in_order():
    view = torch.arange(50.0)[:, None, None, None, None] * 10
    got = RandomChoice([[add(1)], [add(2)]])(dict(inputs=view, random=keyed(50)))['inputs'].flatten()
    assert ((got // 10).long() == torch.arange(50)).all()


def test_branch_may_be_empty_and_a_branch_that_nobody_takes_is_no_harm():
    view = torch.zeros(400, 1, 1, 1, 1)
    got = RandomChoice([[], [add(1)]])(dict(inputs=view, random=keyed(400)))['inputs']
    assert 150 < (got == 0).sum() < 250
    for seed in range(6):
        one = RandomChoice([[add(1)], [add(2)]])(dict(inputs=view[:1], random=keyed(1, seed)))['inputs']
        assert one.item() in (1, 2)


@pytest.mark.parametrize('branches', [SPATIAL, [[dict(type='RandomTurn')], SPATIAL[0], SPATIAL[1]]])
def test_linear_maps_are_chosen_before_they_are_applied_with_the_same_result(branches):
    """The short cut for linear maps and the general way, which an empty step more in each branch enforces."""
    view = torch.randn(64, 2, 8, 25, 3, generator=torch.Generator().manual_seed(1))
    short = RandomChoice(branches)(dict(inputs=view, random=keyed(64)))['inputs']
    general = RandomChoice([[*branch, add(0)] for branch in branches])(dict(inputs=view, random=keyed(64)))['inputs']
    torch.testing.assert_close(short, general, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('branches', [[[add(chance=True)], [add(chance=True)]], SPATIAL])
def test_choices_one_after_the_other_draw_independently(branches):
    view = torch.ones(4000, 1, 1, 25, 3)
    first, second = RandomChoice(branches), RandomChoice(branches)
    random = keyed(4000)
    a = first(dict(inputs=view, random=random))['inputs'][:, 0, 0, 0, 0]
    b = second(dict(inputs=view, random=random))['inputs'][:, 0, 0, 0, 0]
    assert (a == b).float().mean() < 0.25  # joints that both leave alone are equal
    assert abs(torch.corrcoef(torch.stack([a, b]))[0, 1]) < 0.06


def test_choice_and_branch_are_independent():
    view = torch.zeros(6000, 1, 1, 1, 1)
    got = RandomChoice([[add(0, True)], [add(2, True)]])(dict(inputs=view, random=keyed(6000)))['inputs'].flatten()
    for branch in (got[got < 1.5], got[got > 1.5] - 2):
        assert branch.mean().item() == pytest.approx(0.5, abs=0.03)
        assert branch.min() < 0.01 and branch.max() > 0.99


def test_views_are_those_of_one_pipeline_after_the_other():
    batch, random = clips(), keyed(12)
    views = MultiView(VIEW, num_views=3)(dict(clips=batch, random=random))['inputs']
    assert [view.shape for view in views] == [(12, 2, 16, 25, 3)] * 3
    pipeline = ViewPipeline(VIEW)
    for number, view in enumerate(views):
        torch.testing.assert_close(view, pipeline(batch, keyed(12).fork(number).keys, NTU25)[0], rtol=1e-5, atol=1e-6)
    assert not torch.equal(views[0], views[1])


def test_fewer_views_are_the_first_of_more():
    two, three = (MultiView(VIEW, n)(dict(clips=clips(), random=keyed(12)))['inputs'] for n in (2, 3))
    assert all(torch.equal(a, b) for a, b in zip(two, three, strict=False))


def test_pipeline_gives_a_list_of_views():
    one = ViewPipeline([dict(type='CenterCropResize', num_frames=16)])(clips(), keyed(12).keys, NTU25)
    assert len(one) == 1 and one[0].shape == (12, 2, 16, 25, 3)
    two = ViewPipeline([dict(type='MultiView', transforms=VIEW)])(clips(), keyed(12).keys, NTU25)
    assert len(two) == 2


def test_representations():
    text = repr(ViewPipeline([dict(type='MultiView', transforms=VIEW)]))
    assert text.startswith('ViewPipeline([MultiView([[TemporalCropResize(num_frames=16')
    assert 'RandomChoice([[Shear(amplitude=1.0, orthogonalize=False)], [JointCorruption(num_joints=15)]])' in text
    assert text.endswith('num_views=[2])])')


# Every view its own pipeline


SHORT = [dict(type='TemporalCropResize', num_frames=4, ratio=(0.1, 0.2), min_frames=2), dict(type='RandomTurn')]


def test_views_of_several_pipelines():
    views = MultiView([VIEW, SHORT], num_views=[2, 3])(dict(clips=clips(), random=keyed(12)))['inputs']
    assert [view.shape[2] for view in views] == [16, 16, 4, 4, 4]
    # A pipeline's views do not depend on the pipelines behind it.
    first = MultiView(VIEW, 2)(dict(clips=clips(), random=keyed(12)))['inputs']
    assert all(torch.equal(a, b) for a, b in zip(views[:2], first, strict=True))
    # Every view has chance of its own, whichever pipeline it is from.
    whole = ViewPipeline(SHORT)
    for number, view in enumerate(views[2:], 2):
        expected = whole(clips(), keyed(12).fork(number).keys, NTU25)[0]
        torch.testing.assert_close(view, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(('pipelines', 'numbers'), [([VIEW], [1, 1]), ([VIEW, SHORT], [2])])
def test_a_number_of_views_for_every_pipeline(pipelines, numbers):
    with pytest.raises(ConfigError, match=rf'MultiView: {len(pipelines)} pipelines, but num_views=\[{numbers[0]}'):
        MultiView(pipelines, numbers)


def test_mates_are_shown_in_the_place_of_the_clips_and_in_their_order():
    own, others = (
        ClipBatch.of([(shift + n) * np.ones((1, 4 + n, 25, 3), np.float32) for n in range(3)]) for shift in (1, 10)
    )
    cut = dict(type='CenterCropResize', num_frames=4, ratio=1.0)
    pipeline = ViewPipeline(
        [dict(type='MultiView', transforms=[[cut], [dict(type='ShowMates'), cut]], num_views=[1, 2])]
    )
    views = pipeline(own, torch.arange(3), NTU25, mates=others)
    assert [view[:, 0, 0, 0, 0].tolist() for view in views] == [[1, 2, 3], [10, 11, 12], [10, 11, 12]]
    with pytest.raises(ConfigError, match=r'come without mates: set train_dataloader.dataset.mates'):
        pipeline(own, torch.arange(3), NTU25)
