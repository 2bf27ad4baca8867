import pytest
import torch
from random_views import keyed

from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.datasets.transforms import NestedCrops
from mmskelssl.datasets.transforms.nested import only
from mmskelssl.utils.errors import ConfigError

CROPS = [dict(num_frames=8, ratio=(0.35, 0.7)), dict(num_frames=4, ratio=(0.05, 0.2))]


def clips(number=300, frames=200):
    """Two persons each, whose coordinates are the frame's number, and 1,000 more for the second one."""
    time = torch.arange(float(frames))[:, None, None].expand(frames, 25, 3)
    rows = torch.cat([time, time + 1000]).repeat(number, 1, 1)
    every = torch.ones(number, dtype=torch.int64)
    return ClipBatch(rows, torch.arange(number) * 2 * frames, every * frames, every * 2, 2)


def crop(**options):
    step = NestedCrops(
        **(dict(long=[[], []], short=[], num_frames=16, ratio=(0.5, 1.0), crops=CROPS, min_frames=8) | options)
    )
    return step, step(dict(clips=clips(), random=keyed(300), layout=NTU25))['inputs']


def test_views_are_long_ones_then_the_short_ones_of_each():
    _, views = crop()
    assert [view.shape for view in views] == [(300, 2, t, 25, 3) for t in (16, 16, 8, 4, 8, 4)]


def test_one_person_is_drawn_and_shown_in_the_first_place():
    _, views = crop()
    is_second = views[0][:, 0, 0, 0, 0] >= 1000
    assert 110 < is_second.sum() < 190
    for view in views:
        assert torch.equal(view[:, 0, 0, 0, 0] >= 1000, is_second) and (view[:, 1] == 0).all()


def test_short_windows_lie_within_their_long_one_and_have_their_share_of_it():
    _, views = crop()
    times = [view[:, 0, :, 0, 0] % 1000 for view in views]
    spans = [t[:, -1] - t[:, 0] for t in times]
    for number, (long, *short) in enumerate(((0, 2, 3), (1, 4, 5))):
        # A window of n frames in t views spans n (t - 1) / t.
        length = spans[long] * 16 / 15
        assert length.min() >= 99 and length.max() <= 200.1 and 140 < length.mean() < 160, number
        for place, frames, low, high in ((short[0], 8, 0.35, 0.7), (short[1], 4, 0.05, 0.2)):
            part = spans[place] * frames / (frames - 1)
            least = torch.full_like(part, min(8, frames))
            assert (part >= torch.maximum(low * length - 2, least - 1.1)).all() and (part <= high * length + 2).all()
            assert (times[place][:, 0] >= times[long][:, 0] - 8).all()
            assert (times[place][:, -1] <= times[long][:, -1] + 8).all()


def test_long_views_have_pipelines_of_their_own():
    _, views = crop(long=[[dict(type='TemporalFlip')], []], short=[dict(type='TemporalFlip')])
    steps = [view[:, 0, -1, 0, 0] - view[:, 0, 0, 0, 0] for view in views]
    assert [bool((step < 0).all()) for step in steps] == [True, False, True, True, True, True]


def test_short_clips_are_taken_whole():
    step = NestedCrops([[], []], [], num_frames=16, crops=CROPS)
    for view in step(dict(clips=clips(3, frames=2), random=keyed(3), layout=NTU25))['inputs']:
        assert view.isfinite().all()


def test_only_keeps_one():
    view = torch.randn(3, 2, 4, 5, 3)
    got = only(view, torch.tensor([1, 0, 1]))
    assert torch.equal(got[:, 0], torch.stack([view[0, 1], view[1, 0], view[2, 1]])) and not got[:, 1].any()


@pytest.mark.parametrize('options', [dict(ratio=(0, 1)), dict(crops=[dict(num_frames=4, ratio=(0.5, 0.1))])])
def test_ranges_are_checked(options):
    with pytest.raises(ConfigError, match='is not a range within'):
        crop(**options)
