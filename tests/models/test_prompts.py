import pytest
import torch

from mmskelssl.models.prompts import Prompts
from mmskelssl.utils.errors import ConfigError

FRAME = 4, 3, 2  # joints, coordinates, persons


def test_a_prompt_is_in_every_frame_of_its_views():
    prompts = Prompts(['query', 'masked'], FRAME, width=10, channels=4)
    x = torch.randn(5, 2, 6, 4, 3)
    for name in ('query', 'masked'):
        added = prompts.to_views(x, name) - x
        torch.testing.assert_close(added, prompts.view[name].expand_as(x), atol=1e-6, rtol=0)
    assert not torch.equal(prompts.view['query'], prompts.view['masked'])


@pytest.mark.parametrize('shape', [(3, 10), (3, 7, 10)])
def test_a_prompt_stands_at_one_place_in_both_directions(shape):
    prompts = Prompts(['query'], FRAME, width=10, channels=4)
    place = torch.tensor([0, 2, 1])
    x = torch.randn(shape)
    added = prompts.to_features(x, 'contrast', place) - x
    first, second = prompts.feature['contrast'].detach().split(2)
    for row, start in zip(added.detach(), place.tolist(), strict=True):
        expected = torch.zeros(10)
        expected[start : start + 2], expected[5 + start : 7 + start] = first, second
        torch.testing.assert_close(row, expected.expand_as(row), atol=1e-6, rtol=0)


def test_places_leave_room_within_a_direction():
    prompts = Prompts(['query'], FRAME, width=10, channels=4)
    place = torch.arange(prompts.num_places)
    added = prompts.to_features(torch.zeros(len(place), 10), 'prediction', place)
    assert added[:, :5].count_nonzero(1).tolist() == added[:, 5:].count_nonzero(1).tolist() == [2] * len(place)


def test_without_prompts_nothing_is_added_or_learned():
    prompts = Prompts(['query'], FRAME, width=10, channels=0)
    x, features = torch.randn(5, 2, 6, 4, 3), torch.randn(5, 10)
    assert prompts.to_views(x, 'query') is x
    assert prompts.to_features(features, 'contrast', torch.zeros(5, dtype=torch.long)) is features
    assert not list(prompts.parameters())


def test_bounds_at_the_start_are_the_official_programs():
    torch.manual_seed(0)
    prompts = Prompts(['query'], (25, 3, 2), width=2048, channels=256)
    for parameter, bound in (
        (prompts.view['query'], (6 / 300) ** 0.5),
        (prompts.feature['contrast'], (6 / 257) ** 0.5),
    ):
        assert 0.95 * bound < parameter.abs().max() <= bound


@pytest.mark.parametrize('channels', [-2, 3, 10, 256])
def test_channels_that_do_not_fit_are_refused(channels):
    with pytest.raises(ConfigError, match=f'model.prompt_channels={channels} does not fit features of 10 channels'):
        Prompts(['query'], FRAME, width=10, channels=channels)
