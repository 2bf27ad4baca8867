import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.keyed_random import KeyedRandom
from mmskelssl.datasets.transforms import CenterCropResize, TemporalCropResize, TemporalShift
from mmskelssl.datasets.transforms.temporal import resize

# Positions up to 300 frames carry a rounding error of some 3e-5 frames, and frames differ by less than 1.
ATOL = 3e-5


def ragged(lengths, persons=None, joints=4, seed=0):
    """A packed batch and its clips (M, T, V, 3)."""
    persons = persons or [1 + i % 2 for i in range(len(lengths))]
    generator = torch.Generator().manual_seed(seed)
    clips = [0.1 * torch.randn(m, t, joints, 3, generator=generator) for m, t in zip(persons, lengths, strict=True)]
    counts = torch.tensor(persons) * torch.tensor(lengths)
    frames = torch.cat([clip.flatten(0, 1) for clip in clips])
    return ClipBatch(frames, counts.cumsum(0) - counts, torch.tensor(lengths), torch.tensor(persons), 2), clips


def numbered(lengths):
    """Clips of one joint whose x is the number of the frame, so that views tell where their frames come from."""
    lengths = torch.tensor(lengths)
    offsets = lengths.cumsum(0) - lengths
    frame = torch.arange(int(lengths.sum())) - offsets.repeat_interleave(lengths)
    frames = frame.float()[:, None, None].expand(-1, 1, 3).contiguous()
    return ClipBatch(frames, offsets, lengths, torch.ones_like(lengths), 1)


def interpolate(window, num_frames):
    """(M, T, V, C) resized by torch, clip by clip."""
    rows = window.permute(0, 2, 3, 1).flatten(1, 2)
    resized = F.interpolate(rows, size=num_frames, mode='linear', align_corners=False)
    return resized.unflatten(1, window.shape[2:]).permute(0, 3, 1, 2)


def keyed(number, seed=0):
    return KeyedRandom(torch.randint(-(2**62), 2**62, (number,), generator=torch.Generator().manual_seed(seed)))


@given(
    st.lists(st.tuples(st.integers(1, 130), st.integers(0, 129), st.integers(1, 130)), min_size=1, max_size=6),
    st.sampled_from([1, 3, 50, 64]),
)
def test_resize_is_linear_interpolation_of_each_window(windows, num_frames):
    lengths = [total for total, _, _ in windows]
    starts = [min(start, total - 1) for total, start, _ in windows]
    counts = [min(count, total - start) for (total, _, count), start in zip(windows, starts, strict=True)]
    batch, clips = ragged(lengths)
    got = resize(batch, torch.tensor(starts), torch.tensor(counts), num_frames)
    assert got.shape == (len(clips), 2, num_frames, 4, 3)
    for n, clip in enumerate(clips):
        window = clip[:, starts[n] : starts[n] + counts[n]]
        torch.testing.assert_close(got[n, : len(clip)], interpolate(window, num_frames), rtol=0, atol=ATOL)
        assert (got[n, len(clip) :] == 0).all()


def test_resize_to_its_own_length_changes_nothing():
    batch, clips = ragged([64, 64])
    got = resize(batch, torch.tensor([0, 0]), torch.tensor([64, 64]), 64)
    assert torch.equal(got[0, :1], clips[0]) and torch.equal(got[1], clips[1])


@given(
    st.lists(st.integers(1, 300), min_size=1, max_size=8), st.integers(0, 10**9), st.sampled_from([(0.1, 1), (0.5, 1)])
)
def test_crop_resize_follows_the_rule_of_the_papers(lengths, seed, ratio):
    """L = min(max(floor(n r), 64), n), start uniform in 0..n-L, then linear interpolation to 64 frames."""
    batch, clips = ragged(lengths, joints=1)
    got = TemporalCropResize(64, ratio, 64)(dict(clips=batch, random=keyed(len(lengths), seed)))['inputs']
    random = keyed(len(lengths), seed)
    share = (ratio[0] + (ratio[1] - ratio[0]) * random.uniform()).tolist()
    place = random.uniform().tolist()
    for n, (clip, total) in enumerate(zip(clips, lengths, strict=True)):
        length = min(max(int(np.float32(total) * np.float32(share[n])), 64), total)
        start = min(int(place[n] * (total - length + 1)), total - length)
        window = clip[:, start : start + length]
        torch.testing.assert_close(got[n, : len(clip)], interpolate(window, 64), rtol=0, atol=ATOL)
        assert (got[n, len(clip) :] == 0).all()


def windows_of(view):
    """Length and start of the windows of numbered clips, from the first two frames of views of 64."""
    first, second = view[:, 0, 20, 0, 0].double(), view[:, 0, 21, 0, 0].double()
    length = ((second - first) * 64).round()
    return length, (first - (20.5 * length / 64 - 0.5)).round()


def test_windows_fill_the_range_that_the_rule_allows():
    batch = numbered([200] * 4000)
    length, start = windows_of(TemporalCropResize()(dict(clips=batch, random=keyed(4000)))['inputs'])
    assert length.min() == 64 and length.max() >= 199 and start.min() == 0
    assert ((start >= 0) & (start + length <= 200)).all()
    # r below 64 / 200 gives the least length: (0.325 - 0.1) / 0.9 of the draws, the others are even up to 200.
    assert (length == 64).float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert length[length > 64].mean().item() == pytest.approx(132, abs=3)
    assert start[length == 64].mean().item() == pytest.approx(68, abs=4)
    assert start[length == 64].max() >= 130


@pytest.mark.parametrize('total', [1, 2, 63, 64])
def test_clips_of_up_to_the_least_length_are_kept_whole(total):
    batch, clips = ragged([total] * 5, [2] * 5)
    got = TemporalCropResize()(dict(clips=batch, random=keyed(5)))['inputs']
    for n in range(5):
        torch.testing.assert_close(got[n], interpolate(clips[n], 64), rtol=0, atol=ATOL)


def test_fixed_ratio_and_other_sizes():
    batch = numbered([100] * 50)
    got = TemporalCropResize(64, (0.5, 0.5), 1)(dict(clips=batch, random=keyed(50)))['inputs']
    length, start = windows_of(got)
    assert (length == 50).all() and start.unique().numel() > 20
    assert TemporalCropResize(16)(dict(clips=batch, random=keyed(50)))['inputs'].shape == (50, 1, 16, 1, 3)


@given(st.lists(st.integers(1, 320), min_size=1, max_size=8))
def test_center_crop_is_the_official_one(lengths):
    batch, clips = ragged(lengths, joints=1)
    got = CenterCropResize()(dict(clips=batch))['inputs']
    for n, (clip, total) in enumerate(zip(clips, lengths, strict=True)):
        start = int((1 - 0.95) * total / 2)
        expected = interpolate(clip[:, start : total - start], 64)
        torch.testing.assert_close(got[n, : len(clip)], expected, rtol=0, atol=ATOL)


def test_center_crop_of_ratio_one_is_the_whole_clip():
    batch, clips = ragged([1, 40, 90])
    got = CenterCropResize(30, 1.0)(dict(clips=batch))['inputs']
    for n, clip in enumerate(clips):
        torch.testing.assert_close(got[n, : len(clip)], interpolate(clip, 30), rtol=0, atol=ATOL)


@pytest.mark.parametrize('num_frames', [1, 5, 6, 50, 64])
def test_shift_is_reflection_and_a_random_crop(num_frames):
    view = torch.randn(300, 2, num_frames, 3, 3, generator=torch.Generator().manual_seed(1))
    got = TemporalShift()(dict(inputs=view, random=keyed(300)))['inputs']
    padding = num_frames // 6
    padded = np.pad(view.numpy(), ((0, 0), (0, 0), (padding, padding), (0, 0), (0, 0)), 'reflect')
    crops = [padded[:, :, start : start + num_frames] for start in range(2 * padding + 1)]
    matches = torch.stack([torch.from_numpy(crop == got.numpy()).flatten(1).all(1) for crop in crops])
    assert matches.any(0).all()
    # All shifts come, equally often.
    counts = matches.sum(1).float()
    assert (counts > 0).all() and (counts - 300 / len(crops)).abs().max() < 6 * (300 / len(crops)) ** 0.5


def test_warped_time_goes_forward_at_the_speeds_that_it_may_have():
    lengths, frames, warp = [400] * 64, 200, 0.5
    step = TemporalCropResize(frames, (1.0, 1.0), 1, warp=warp)
    times = step.transform(dict(clips=numbered(lengths), random=keyed(64)))['inputs'][:, 0, :, 0, 0]
    even = TemporalCropResize(frames, (1.0, 1.0), 1).transform(dict(clips=numbered(lengths), random=keyed(64)))[
        'inputs'
    ]
    speed = times.diff(dim=1) / even[:, 0, :, 0, 0].diff(dim=1)
    assert (speed > 0).all()
    # The first and last frame are half a step from the ends of the clip.
    torch.testing.assert_close(times[:, 0] + 0.5, speed[:, 0], atol=0.05, rtol=0.05)
    torch.testing.assert_close(399.5 - times[:, -1], speed[:, -1], atol=0.05, rtol=0.05)
    ratio = speed.amax(1) / speed.amin(1)
    assert (ratio > 1.05).all() and (ratio <= (1 + warp) ** 2 + 1e-3).all() and ratio.max() > 1 + warp
    # Neighbouring frames pass at nearly the same speed, and clips at speeds of their own.
    assert (speed.diff(dim=1).abs() < 0.03).all() and not torch.equal(times[0], times[1])


def test_warped_time_stays_within_the_window_and_needs_no_more_than_a_frame():
    step = TemporalCropResize(8, (0.3, 0.6), 1, warp=2.0)
    times = step.transform(dict(clips=numbered([100] * 50 + [1]), random=keyed(51)))['inputs'][:, 0, :, 0, 0]
    assert (times >= 0).all() and (times <= 99).all() and not times[-1].any()
    assert ((times[:-1, -1] - times[:-1, 0]) < 60).all()


def test_a_negative_warp_is_refused():
    with pytest.raises(ValueError, match='TemporalCropResize: warp=-0.1'):
        TemporalCropResize(warp=-0.1)


@pytest.mark.parametrize('ratio', [(0, 1), (0.5, 0.2), (0.5, 1.5)])
def test_bad_range_is_refused(ratio):
    with pytest.raises(ValueError, match='TemporalCropResize: ratio='):
        TemporalCropResize(ratio=ratio)


@pytest.mark.parametrize('ratio', [0, -1, 1.01])
def test_bad_share_is_refused(ratio):
    with pytest.raises(ValueError, match='CenterCropResize: ratio='):
        CenterCropResize(ratio=ratio)


def test_representations():
    assert repr(TemporalCropResize()) == 'TemporalCropResize(num_frames=64, ratio=(0.1, 1.0), min_frames=64, warp=0.0)'
    assert repr(CenterCropResize()) == 'CenterCropResize(num_frames=64, ratio=0.95)'
    assert repr(TemporalShift()) == 'TemporalShift(padding_ratio=6)'
