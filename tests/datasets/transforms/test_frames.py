import pytest
import torch
from random_views import apply, views

from mmskelssl.datasets.transforms import CutFrames, TemporalBlur, TemporalFlip, TemporalMask
from mmskelssl.datasets.transforms.frames import blur_over_time, motion_energy
from mmskelssl.utils.errors import ConfigError


@pytest.mark.parametrize('num_frames', [1, 5, 40])
def test_blur_is_a_convolution_per_clip(num_frames):
    view, sigma = views(4, 2, num_frames, 5, 3), torch.tensor([0.1, 0.5, 1.0, 2.0])
    got = blur_over_time(view, sigma, radius=7)
    for n in range(4):
        kernel = torch.exp(-(torch.arange(-7, 8) ** 2) / (2 * sigma[n] ** 2))
        rows = view[n].permute(0, 2, 3, 1).reshape(-1, 1, num_frames)
        expected = torch.nn.functional.conv1d(rows, kernel[None, None], padding=7).view(2, 5, 3, num_frames)
        torch.testing.assert_close(got[n], expected.permute(0, 3, 1, 2), rtol=1e-4, atol=1e-5)


def test_normalized_blur_keeps_what_stands_still():
    view = torch.ones(3, 1, 30, 4, 3)
    got = blur_over_time(view, torch.tensor([0.2, 1.0, 1.9]), radius=7, normalize=True)
    torch.testing.assert_close(got[:, :, 7:-7], view[:, :, 7:-7])
    assert (got[1:, :, 0] < 0.75).all()


def test_blur_draws_its_sigma_from_the_range():
    view = torch.zeros(500, 1, 15, 1, 1)
    view[:, :, 7] = 1
    beside = apply(TemporalBlur(sigma=(0.5, 1.5)), view)[:, 0, 8, 0, 0]
    sigma = (-1 / (2 * beside.log())).sqrt()
    assert 0.5 <= sigma.min() < 0.52 and 1.48 < sigma.max() <= 1.5001 and 0.95 < sigma.mean() < 1.05


@pytest.mark.parametrize('sigma', [(0, 1), (2, 1)])
def test_blur_refuses_what_is_not_a_range(sigma):
    with pytest.raises(ConfigError, match='sigma'):
        TemporalBlur(sigma=sigma)


def test_flip_plays_backwards():
    view = views(3)
    assert torch.equal(apply(TemporalFlip(), view), view[:, :, list(range(view.shape[2]))[::-1]])


def test_mask_takes_whole_blocks():
    view = torch.ones(600, 2, 18, 3, 3)
    got = apply(TemporalMask(num_blocks=2, block_length=4), view)
    masked = (got == 0)[:, 0, :, 0, 0]
    assert torch.equal(got == 0, masked[:, None, :, None, None].expand_as(got))
    blocks = masked[:, :16].view(600, 4, 4)
    assert (blocks.all(2) == blocks.any(2)).all() and (blocks.all(2).sum(1) == 2).all() and not masked[:, 16:].any()
    assert (blocks[..., 0].sum(0) - 300).abs().max() < 50


def test_mask_of_more_blocks_than_there_are_is_refused():
    with pytest.raises(ConfigError, match='a view of 8 frames has only 2 blocks of 4'):
        apply(TemporalMask(num_blocks=3), views(2, 1, 8, 3, 3))


def test_cut_takes_out_what_moves_most_then_at_random():
    view = torch.zeros(400, 2, 12, 3, 3)
    view[:, :, :, :, 0] = torch.arange(12.0)[:, None] / 100
    view[:, :, 5:] += 1  # the steps from frame 4 to 5 and from frame 9 to 10
    view[:, :, 10:] += 2
    got = apply(CutFrames(num_moving=2, num_random=3), view)
    assert got.shape == (400, 2, 7, 3, 3)
    frames = (got[:, 0, :, 0, 0] % 1 * 100).round().long()
    assert (frames.diff() > 0).all()
    counts = torch.bincount(frames.flatten(), minlength=12)
    assert counts[[4, 9]].sum() == 0
    others = counts[[f for f in range(12) if f not in (4, 9)]]
    assert (others - 280).abs().max() < 40


def test_energy_is_of_the_step_that_follows():
    view = torch.tensor([0.0, 0, 2, 2, 5]).view(1, 1, 5, 1, 1).expand(1, 2, 5, 4, 3)
    assert motion_energy(view).tolist() == [[0, 4, 0, 9, 0]]


def test_cut_of_the_whole_view_is_refused():
    with pytest.raises(ConfigError, match='leave nothing of a view of 8 frames'):
        apply(CutFrames(5, 3), views(2))
