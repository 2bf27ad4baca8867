"""The order of steps in a pipeline, and normalizations in one."""

import pytest
import torch
from workshop import random_clip

from mmskelssl.datasets import ClipBatch
from mmskelssl.datasets.layouts import HAND22, NTU25
from mmskelssl.datasets.transforms import ViewPipeline
from mmskelssl.registry import TRANSFORMS
from mmskelssl.utils.errors import ConfigError

CROP = dict(type='CenterCropResize', num_frames=8)
TURN = dict(type='RandomTurn')
CENTER, ALIGN = dict(type='CenterClip'), dict(type='AlignShoulders')
RESIZE = dict(type='ResizeClips', num_frames=12)
KEYS = torch.arange(4)


@pytest.fixture
def clips():
    return ClipBatch.of([random_clip(1 + seed % 2, 6 + 5 * seed, seed=seed) for seed in range(4)])


def multi(transforms, num_views=2):
    return dict(type='MultiView', transforms=transforms, num_views=num_views)


@pytest.mark.parametrize(
    ('steps', 'message'),
    [
        ([CROP, CENTER], 'CenterClip works on clips, but stands where there are views: put it before the step'),
        ([CROP, TURN, ALIGN], 'AlignShoulders works on clips, but stands where there are views'),
        ([CROP, dict(CROP)], 'CenterCropResize works on clips, but stands where there are views'),
        ([multi([CROP]), CENTER], 'CenterClip works on clips, but stands where there are views'),
        ([multi([CROP, CENTER])], 'CenterClip works on clips, but stands where there are views'),
        ([multi([[CROP], [CROP, CENTER]], [1, 1])], 'CenterClip works on clips, but stands where there are views'),
        ([CROP, dict(type='RandomChoice', transforms=[[TURN], [CENTER]])], 'CenterClip works on clips'),
        ([TURN, CROP], 'RandomTurn works on views, but stands where there are clips: put it behind it'),
        ([dict(type='RandomChoice', transforms=[[TURN]]), CROP], 'RandomChoice works on views'),
        ([CENTER, TURN], 'RandomTurn works on views, but stands where there are clips'),
        ([CENTER], r"The pipeline \['CenterClip'\] makes no views: add a step such as CenterCropResize"),
        ([], r'The pipeline \[\] makes no views'),
        ([multi([])], r'The pipeline \[\] makes no views'),
    ],
)  # fmt: skip
def test_a_step_in_the_wrong_place_is_refused_by_name(steps, message):
    with pytest.raises(ConfigError, match=message):
        ViewPipeline(steps)


@pytest.mark.parametrize('steps', [[CENTER], [CENTER, ALIGN], [RESIZE], [CENTER, RESIZE, ALIGN]])
@pytest.mark.parametrize('views', [[CROP, TURN], [multi([CROP, TURN])]], ids=['one', 'several'])
def test_normalizing_in_the_pipeline_is_normalizing_first(clips, steps, views):
    normalized = clips
    for step in steps:
        normalized = TRANSFORMS.build(step).normalize(normalized, NTU25)
    expected = ViewPipeline(views)(normalized, KEYS, NTU25)
    inside = [multi(steps + views[0]['transforms'])] if views[0]['type'] == 'MultiView' else steps + views
    for pipeline in (steps + views, inside):
        got = ViewPipeline(pipeline)(clips, KEYS, NTU25)
        assert len(got) == len(expected)
        for view, wanted in zip(got, expected, strict=True):
            torch.testing.assert_close(view, wanted, atol=1e-6, rtol=1e-6)


def test_normalizations_in_a_pipeline_keep_the_persons_of_the_model(clips):
    one = clips.select(torch.tensor([0, 2]))  # clips of one person
    assert [view.shape[1] for view in ViewPipeline([CENTER, RESIZE, CROP])(one, KEYS[:2], NTU25)] == [2]


def test_normalizing_leaves_the_batch_as_it_was(clips):
    before = clips.frames.clone()
    ViewPipeline([CENTER, ALIGN, CROP])(clips, KEYS, NTU25)
    assert torch.equal(clips.frames, before)


def test_views_of_a_hand():
    hands = ClipBatch.of([random_clip(joints=22, seed=seed) for seed in range(4)])
    (view,) = ViewPipeline([CENTER, CROP, TURN])(hands, KEYS, HAND22)
    assert view.shape == (4, 1, 8, 22, 3) and view.isfinite().all()
    with pytest.raises(
        ConfigError, match="AlignShoulders needs `shoulders` of the layout, and layout 'hand22' has none"
    ):
        ViewPipeline([ALIGN, CROP])(hands, KEYS, HAND22)


def test_a_step_of_somebody_else_that_says_nothing_passes(clips):
    @TRANSFORMS.register_module(force=True)
    class Twice:
        def __call__(self, results):
            return dict(results, inputs=2 * results['inputs'])

    (view,) = ViewPipeline([CROP, dict(type='Twice')])(clips, KEYS, NTU25)
    assert torch.equal(view, 2 * ViewPipeline([CROP])(clips, KEYS, NTU25)[0])
