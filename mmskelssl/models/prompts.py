"""Learned prompts, which tell an encoder what it is to do (PCM³, Zhang et al., ACM MM 2023)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmskelssl.utils.errors import ConfigError


class Prompts(nn.Module):
    """Numbers that are added to views, to each frame the same, and to some channels of features.

    Args:
        passes: Whose views have a prompt.
        frame: (V, C, M) of the views.
        width: D of the features, the outputs of two directions one after the other.
        channels: Numbers of a feature's prompt, one half of them for each direction; 0 for no prompts at all.

    Attributes:
        num_places: Channels of a direction where the prompt of a feature may begin.

    Raises:
        ConfigError: If the channels do not fit.
    """

    tasks = ('contrast', 'prediction')

    def __init__(self, passes: Sequence[str], frame: tuple[int, int, int], width: int, channels: int) -> None:
        super().__init__()
        self.num_places = (width - channels) // 2
        if channels < 0 or channels % 2 or self.num_places < 1:
            raise ConfigError(
                f'model.prompt_channels={channels} does not fit features of {width} channels: set it to an even number '
                'below that, or to 0 for no prompts.'
            )
        self.channels = channels
        self.width = width
        self.view, self.feature = nn.ParameterDict(), nn.ParameterDict()
        if channels:
            joints, coords, persons = frame
            # By Xavier's rule, as the program takes it: all numbers of a frame are the inputs and outputs.
            numbers = joints * coords * persons
            self.view.update({name: _uniform(2 * numbers, persons, 1, joints, coords) for name in passes})
            self.feature.update({task: _uniform(channels + 1, channels) for task in self.tasks})

    def to_views(self, x: Tensor, name: str) -> Tensor:
        """Views (N, M, T, V, C) with the prompt of a pass."""
        return x + self.view[name] if self.channels else x

    def to_features(self, x: Tensor, task: str, place: Tensor) -> Tensor:
        """Features (N, ..., D) with the prompt of a task, from a channel (N,) of each direction on."""
        if not self.channels:
            return x
        within = place[:, None] + torch.arange(self.channels // 2, device=place.device)
        channel = torch.cat([within, within + self.width // 2], 1)
        prompt = self.feature[task].expand(len(place), -1)
        added = prompt.new_zeros(len(place), self.width).scatter(1, channel, prompt)
        return x + added.view(len(place), *[1] * (x.ndim - 2), self.width).to(x.dtype)


def _uniform(fans: int, *shape: int) -> nn.Parameter:
    bound = (6 / fans) ** 0.5
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
