"""Transforms made of transforms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.keyed_random import KeyedRandom
from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.datasets.transforms.base import SkeletonTransform, compose
from mmskelssl.datasets.transforms.spatial import LinearMap, map_coordinates
from mmskelssl.registry import TRANSFORMS
from mmskelssl.utils.errors import ConfigError, check_at_least


@TRANSFORMS.register_module()
class ViewPipeline:
    """Transforms from clips to views, on whichever device the clips are.

    Args:
        transforms: The steps; the last leaves one view or a list of views as ``inputs``.

    Raises:
        ConfigError: If a step stands where what it works on is not there.
    """

    def __init__(self, transforms: Sequence[dict]) -> None:
        self.pipeline = compose(transforms)

    def __call__(self, clips: ClipBatch, keys: Tensor, layout: SkeletonLayout, **others: ClipBatch) -> list[Tensor]:
        """Views (N, M, T, V, C) of N clips, whose randomness is that of ``keys`` (N,) int64.

        Args:
            clips: The clips.
            keys: Of their randomness.
            layout: What the joints mean.
            others: Further clips, by the key that transforms find them under, such as ``mates``.
        """
        inputs = self.pipeline(dict(others, clips=clips, random=KeyedRandom(keys), layout=layout))['inputs']
        return inputs if isinstance(inputs, list) else [inputs]

    def __repr__(self) -> str:
        return f'ViewPipeline({self.pipeline.transforms})'


@TRANSFORMS.register_module()
class RandomChoice(SkeletonTransform):
    """Applies one of several pipelines to each clip, each with the same probability.

    Required keys: ``inputs`` (N, M, T, V, C), ``random``. Modified key: ``inputs``.

    Args:
        transforms: The pipelines.
    """

    def __init__(self, transforms: Sequence[Sequence[dict]]) -> None:
        self.branches = [compose(branch, takes='views') for branch in transforms]

    def transform(self, results: dict) -> dict:
        view, random = results['inputs'], results['random']
        choice = random.integers(len(self.branches))
        if all(len(branch.transforms) == 1 and isinstance(branch.transforms[0], LinearMap) for branch in self.branches):
            return dict(results, inputs=map_coordinates(view, *self._matrices(random, choice, view.shape[-2])))
        parts = [(choice == number).nonzero().squeeze(1) for number in range(len(self.branches))]
        views = [
            branch(dict(results, inputs=view.index_select(0, clips), random=random.of(clips).fork(number)))['inputs']
            for number, (branch, clips) in enumerate(zip(self.branches, parts, strict=True))
            if len(clips)
        ]
        return dict(results, inputs=torch.cat(views).index_select(0, torch.cat(parts).argsort()))

    def _matrices(self, random: KeyedRandom, choice: Tensor, num_joints: int) -> tuple[Tensor, Tensor]:
        """Chooses between linear maps before they are applied, which spares taking the clips apart."""
        steps = [branch.transforms[0] for branch in self.branches]
        maps = [step.matrices(random.fork(number), num_joints) for number, step in enumerate(steps)]
        every = torch.ones(len(choice), num_joints, dtype=torch.bool, device=choice.device)
        clip = torch.arange(len(choice), device=choice.device)
        matrix = torch.stack([matrix for matrix, _ in maps])[choice, clip]
        joints = torch.stack([every if joints is None else joints for _, joints in maps])[choice, clip]
        return matrix, joints

    def __repr__(self) -> str:
        return f'RandomChoice({[branch.transforms for branch in self.branches]})'


@TRANSFORMS.register_module()
class RandomApply(SkeletonTransform):
    """Applies a pipeline to each clip with some probability.

    Required keys: ``inputs`` (N, M, T, V, C), ``random``, and what the pipeline requires. Modified key: ``inputs``.

    Args:
        transforms: The pipeline. It keeps the views' shape.
        prob: The probability.
    """

    def __init__(self, transforms: Sequence[dict], prob: float = 0.5) -> None:
        if not 0 <= prob <= 1:
            raise ConfigError(f'RandomApply: prob={prob} is not a probability.')
        self.pipeline = compose(transforms, takes='views')
        self.prob = prob

    def transform(self, results: dict) -> dict:
        view, random = results['inputs'], results['random']
        applies = (random.uniform() < self.prob)[:, None, None, None, None]
        # All clips go through it: what that costs is less than taking the batch apart, which makes a GPU wait.
        changed = self.pipeline(dict(results, random=random.fork(0)))['inputs']
        if changed.shape != view.shape:
            raise ConfigError(
                f'{self!r} makes views {tuple(changed.shape)} of {tuple(view.shape)}: only steps that keep the shape '
                'can be left to chance.'
            )
        return dict(results, inputs=torch.where(applies, changed, view))

    def __repr__(self) -> str:
        return f'RandomApply({self.pipeline.transforms}, prob={self.prob})'


@TRANSFORMS.register_module()
class ShowMates(SkeletonTransform):
    """Takes another camera's clip of the same performance in the place of each clip; the first step of a view.

    Required keys: ``clips``, ``mates`` (which a data set gives that was told ``mates``). Modified key: ``clips``.
    """

    takes = gives = 'clips'

    def transform(self, results: dict) -> dict:
        if 'mates' not in results:
            raise ConfigError(
                'ShowMates: the clips come without mates: set train_dataloader.dataset.mates, or leave it out.'
            )
        times = len(results['clips'].offsets) // len(results['mates'].offsets)
        return dict(results, clips=results['mates'].repeat(times))


@TRANSFORMS.register_module()
class MultiView(SkeletonTransform):
    """Draws independent views of the same clips.

    Required keys: ``clips``, ``random``. Added key: ``inputs``, a list of views.

    Args:
        transforms: The pipeline of all views, or a list of pipelines.
        num_views: How many views are drawn from each pipeline: one number for all, or a list.

    Raises:
        ConfigError: If a number of views is missing for a pipeline.

    Examples:
        Two views of one kind and one of another, in this order::

            dict(type='MultiView', transforms=[normal, extreme], num_views=[2, 1])
    """

    takes = 'clips'

    def __init__(
        self, transforms: Sequence[dict] | Sequence[Sequence[dict]], num_views: int | Sequence[int] = 2
    ) -> None:
        pipelines: Sequence = [transforms] if all(isinstance(step, Mapping) for step in transforms) else transforms
        numbers = [num_views] * len(pipelines) if isinstance(num_views, int) else num_views
        if len(pipelines) != len(numbers):
            raise ConfigError(
                f'MultiView: {len(pipelines)} pipelines, but num_views={list(numbers)}: give one for each.'
            )
        for number in numbers:
            check_at_least(1, self, num_views=number)
        self.pipelines = [compose(pipeline) for pipeline in pipelines]
        self.num_views = list(numbers)

    def transform(self, results: dict) -> dict:
        views, drawn = [], 0
        for pipeline, number in zip(self.pipelines, self.num_views, strict=True):
            # All views at once, as if there were more clips: half the operations of one view after the other.
            clips = results['clips'].repeat(number)
            random = results['random'].forks(range(drawn, drawn + number))
            views += pipeline(dict(results, clips=clips, random=random))['inputs'].chunk(number)
            drawn += number
        return dict(results, inputs=views)

    def __repr__(self) -> str:
        return f'MultiView({[pipeline.transforms for pipeline in self.pipelines]}, num_views={self.num_views})'
