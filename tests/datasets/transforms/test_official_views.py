"""Views against what the official programs made of the same draws."""

import pytest
import torch

from mmskelssl.datasets.keyed_random import KeyedRandom
from mmskelssl.datasets.layouts import LAYOUTS
from mmskelssl.datasets.transforms import (
    AxisMask,
    CutFrames,
    GaussianNoise,
    LeftRightFlip,
    NeighborMask,
    TemporalBlur,
    TemporalMask,
)
from mmskelssl.datasets.transforms.frames import blur_over_time, motion_energy, take_frames
from mmskelssl.datasets.transforms.rotation import turn_about_axes
from mmskelssl.datasets.transforms.skeletal import walks
from mmskelssl.datasets.transforms.spatial import map_coordinates

pytestmark = pytest.mark.shared


class Recorded(KeyedRandom):
    """Gives prepared draws instead of its own."""

    def __init__(self, *draws):
        super().__init__(torch.zeros(len(draws[0]), dtype=torch.int64))
        self.draws = list(draws)

    def uniform(self, *shape, low=0.0, high=1.0):
        draw = self.draws.pop(0)
        assert draw.shape == (len(self), *shape)
        return draw

    normal = uniform

    def subset(self, size, of):
        draw = self.draws.pop(0)
        assert draw.shape == (1, of) and draw.sum() == size
        return draw


def view(recorded):
    """(1, M, T, V, C) of (C, T, V, M)."""
    return recorded.permute(3, 1, 2, 0)[None].contiguous()


def layout_of(num_joints):
    return next(layout for layout in LAYOUTS.values() if layout.num_joints == num_joints)


@pytest.fixture
def recordings(shared):
    return lambda method: torch.load(shared / 'golden' / f'{method}.pt', weights_only=True)


def augmentations(recordings, method, name):
    found = recordings(method)['augmentations'][name]
    assert found
    return found


def indicator(positions, size):
    return torch.zeros(1, size, dtype=torch.bool).index_fill_(1, torch.tensor(positions), True)


@pytest.mark.parametrize('method', ['aimclr', 'scd_net'])
def test_rotation(recordings, method):
    for case in augmentations(recordings, method, 'rotate'):
        matrix = turn_about_axes(torch.deg2rad(torch.tensor([case['degrees']], dtype=torch.float64))).float()
        torch.testing.assert_close(map_coordinates(view(case['input']), matrix), view(case['output']))


def test_flip(recordings):
    for case in augmentations(recordings, 'aimclr', 'flip'):
        before = view(case['input'])
        got = LeftRightFlip()(dict(inputs=before, layout=layout_of(before.shape[3])))['inputs']
        assert torch.equal(got, view(case['output']))


def test_noise(recordings):
    for case in augmentations(recordings, 'aimclr', 'noise'):
        before, noise = view(case['input']), view(case['noise'])
        got = GaussianNoise(std=0.01)(dict(inputs=before, random=Recorded(noise / 0.01)))['inputs']
        torch.testing.assert_close(got, view(case['output']))


def test_blur(recordings):
    for case in augmentations(recordings, 'aimclr', 'blur'):
        sigma = torch.tensor([case['sigma']])
        got = TemporalBlur()(dict(inputs=view(case['input']), random=Recorded(sigma)))['inputs']
        torch.testing.assert_close(got, view(case['output']), rtol=1e-5, atol=1e-6)
        assert not torch.allclose(got, blur_over_time(view(case['input']), sigma, 7, normalize=True))


def test_axis_mask(recordings):
    for case in augmentations(recordings, 'aimclr', 'axis_mask'):
        random = Recorded(indicator([case['axis']], 3))
        got = AxisMask()(dict(inputs=view(case['input']), random=random))['inputs']
        assert torch.equal(got, view(case['output']))


def test_neighbor_mask(recordings):
    for case in augmentations(recordings, 'scd_net', 'spatial_mask'):
        drawn, ways = case['drawn_joints'], torch.tensor(case['ways'])
        layout = layout_of(len(ways))
        assert torch.equal(torch.from_numpy(walks(layout))[drawn].sum(0), ways)
        # Half a joint more, so that rounding cannot make it the one before.
        draws = (torch.tensor([drawn]) + 0.5) / len(ways), torch.rand(1, len(ways))
        step = NeighborMask(num_drawn=len(drawn), num_joints=len(case['masked_joints']))
        got = step(dict(inputs=torch.ones(1, 2, 3, len(ways), 3), random=Recorded(*draws), layout=layout))['inputs']
        masked = got[0, 0, 0, :, 0] == 0
        assert (got == ~masked[:, None]).all() and masked.sum() == len(case['masked_joints'])
        # The program's choice among equals is a rule of its sorting: counts decide here and there.
        assert ways[masked].sort().values.tolist() == ways[case['masked_joints']].sort().values.tolist()


def test_temporal_mask(recordings):
    num_frames = recordings('scd_net')['config']['frames']
    for case in augmentations(recordings, 'scd_net', 'temporal_mask'):
        length = len(case['masked_frames']) // len(case['drawn_blocks'])
        step = TemporalMask(num_blocks=len(case['drawn_blocks']), block_length=length)
        random = Recorded(indicator(case['drawn_blocks'], num_frames // length))
        got = step(dict(inputs=torch.ones(1, 2, num_frames, 5, 3), random=random))['inputs']
        masked = (got == 0).all((0, 1, 3, 4))
        assert masked.nonzero().flatten().tolist() == case['masked_frames'] and got.sum() == (~masked).sum() * 30


def test_cut_frames(recordings):
    """PSTL draws once for a batch; here every clip is given that draw."""
    golden = recordings('pstl')
    before = golden['temporal_view'].float().permute(0, 4, 2, 3, 1)
    kept = torch.tensor(golden['frames_kept_of_the_still'])
    num_moving = golden['config']['mask_frame']
    num_still = before.shape[2] - num_moving
    order = torch.ones(len(before), num_still).index_fill(1, kept, 0.0)
    step = CutFrames(num_moving, num_random=num_still - len(kept))
    got = step(dict(inputs=before, random=Recorded(order)))['inputs']
    assert torch.equal(got, golden['temporal_masked'].float().permute(0, 4, 2, 3, 1))
    energy = motion_energy(before)
    assert energy.shape == (len(before), before.shape[2]) and (energy[:, -1] == 0).all()
    assert torch.equal(take_frames(before, kept.expand(len(before), -1)), before[:, :, kept])
