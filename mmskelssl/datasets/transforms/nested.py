"""Long views of a clip, and short ones from within each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mmskelssl.datasets.keyed_random import KeyedRandom
from mmskelssl.datasets.transforms.base import SkeletonTransform, compose
from mmskelssl.datasets.transforms.temporal import resize
from mmskelssl.registry import TRANSFORMS
from mmskelssl.utils.errors import ConfigError, check_at_least


@TRANSFORMS.register_module()
class NestedCrops(SkeletonTransform):
    """Windows of each clip, resized to one length, and within each of them shorter windows (SLiM).

    Of a clip with several persons, one is drawn and shown in the first place of all views; the others are left out.

    Required keys: ``clips``, ``random``, and what the steps require. Added key: ``inputs``, a list of views: the long
    ones, then the short ones of the first, and so on.

    Args:
        long: Steps after the crop of each long view: a pipeline for each.
        short: Steps after the crop of all short views.
        num_frames: Frames of long views.
        ratio: Range of a long window's share of the clip.
        crops: ``dict(num_frames=..., ratio=...)`` of the short views in each long one, which are shares of its window.
        min_frames: Least length of a window, where there are as many frames, or what the view has if that is less.

    Raises:
        ConfigError: If a range is not within (0, 1].
    """

    takes = 'clips'

    def __init__(
        self,
        long: Sequence[Sequence[dict]],
        short: Sequence[dict],
        num_frames: int = 64,
        ratio: tuple[float, float] = (0.5, 1.0),
        crops: Sequence[Mapping] = (),
        min_frames: int = 16,
    ) -> None:
        check_at_least(1, self, num_frames=num_frames, min_frames=min_frames)
        for one in (dict(num_frames=num_frames, ratio=ratio), *crops):
            low, high = one['ratio']
            if not 0 < low <= high <= 1:
                raise ConfigError(f'NestedCrops: ratio={tuple(one["ratio"])} is not a range within (0, 1].')
        self.long = [compose(steps, takes='views') for steps in long]
        self.short = compose(short, takes='views')
        self.num_frames = num_frames
        self.ratio = tuple(ratio)
        self.crops = [dict(crop) for crop in crops]
        self.min_frames = min_frames

    def transform(self, results: dict) -> dict:
        clips, random = results['clips'], results['random']
        person = random.integers(clips.num_persons.clamp(max=clips.max_persons))
        zero = torch.zeros_like(clips.num_frames)
        long_views, short_views = [], []
        for number, steps in enumerate(self.long):
            of_view = random.fork(number)
            start, length = self._window(of_view, zero, clips.num_frames, self.num_frames, self.ratio)
            long_views.append(self._view(results, of_view, (start, length), self.num_frames, person, steps))
            for place, crop in enumerate(self.crops):
                of_crop = of_view.fork(place)
                window = self._window(of_crop, start, length, crop['num_frames'], crop['ratio'])
                short_views.append(self._view(results, of_crop, window, crop['num_frames'], person, self.short))
        return dict(results, inputs=long_views + short_views)

    def _window(
        self, random: KeyedRandom, start: Tensor, length: Tensor, num_frames: int, ratio: Sequence[float]
    ) -> tuple[Tensor, Tensor]:
        """First frames and lengths (N,) of windows within windows."""
        least = min(self.min_frames, num_frames)
        part = (length * random.uniform(low=ratio[0], high=ratio[1])).long().clamp(min=least).minimum(length)
        return start + random.integers(length - part + 1), part

    def _view(
        self, results: dict, random: KeyedRandom, window: tuple[Tensor, Tensor], num_frames: int, person: Tensor, steps
    ) -> Tensor:
        view = only(resize(results['clips'], *window, num_frames), person)
        return steps(dict(results, inputs=view, random=random.fork(-1)))['inputs']

    def __repr__(self) -> str:
        long = [steps.transforms for steps in self.long]
        return (
            f'NestedCrops(long={long}, short={self.short.transforms}, num_frames={self.num_frames}, '
            f'ratio={self.ratio}, crops={self.crops}, min_frames={self.min_frames})'
        )


def only(view: Tensor, person: Tensor) -> Tensor:
    """A view (N, M, T, V, C) with ``person`` (N,) in the first place and zeros in the others."""
    clip = torch.arange(len(view), device=view.device)
    out = torch.zeros_like(view)
    out[:, 0] = view[clip, person]
    return out
