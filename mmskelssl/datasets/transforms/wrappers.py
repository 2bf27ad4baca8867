"""Transforms made of transforms."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmcv.transforms import BaseTransform
from mmengine.dataset import Compose
from torch import Tensor

from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.keyed_random import KeyedRandom
from mmskelssl.datasets.transforms.spatial import LinearMap, map_coordinates
from mmskelssl.registry import TRANSFORMS


def _compose(transforms: Sequence[dict]) -> Compose:
    # Built here and not by Compose, which finds them only where the default scope was set: not in spawned workers.
    return Compose([TRANSFORMS.build(transform) for transform in transforms])


@TRANSFORMS.register_module()
class ViewPipeline:
    """Transforms from clips to views, on whichever device the clips are.

    Args:
        transforms: The steps; the last leaves one view or a list of views as ``inputs``.
    """

    def __init__(self, transforms: Sequence[dict]) -> None:
        self.pipeline = _compose(transforms)

    def __call__(self, clips: ClipBatch, keys: Tensor) -> list[Tensor]:
        """Views (N, M, T, V, C) of N clips, whose randomness hangs on ``keys`` (N,) int64."""
        inputs = self.pipeline(dict(clips=clips, random=KeyedRandom(keys)))['inputs']
        return inputs if isinstance(inputs, list) else [inputs]

    def __repr__(self) -> str:
        return f'ViewPipeline({self.pipeline.transforms})'


@TRANSFORMS.register_module()
class RandomChoice(BaseTransform):
    """Applies one of several pipelines to each clip, each with the same probability.

    Required keys: ``inputs`` (N, M, T, V, C), ``random``. Modified key: ``inputs``.

    Args:
        transforms: The pipelines.
    """

    def __init__(self, transforms: Sequence[Sequence[dict]]) -> None:
        self.branches = [_compose(branch) for branch in transforms]

    def transform(self, results: dict) -> dict:
        view, random = results['inputs'], results['random']
        choice = random.integers(len(self.branches))
        if all(len(branch.transforms) == 1 and isinstance(branch.transforms[0], LinearMap) for branch in self.branches):
            return dict(results, inputs=map_coordinates(view, *self._draw(random, choice, view.shape[-2])))
        parts = [(choice == number).nonzero().squeeze(1) for number in range(len(self.branches))]
        views = [
            branch(dict(results, inputs=view.index_select(0, clips), random=random.of(clips).fork(number)))['inputs']
            for number, (branch, clips) in enumerate(zip(self.branches, parts, strict=True))
            if len(clips)
        ]
        return dict(results, inputs=torch.cat(views).index_select(0, torch.cat(parts).argsort()))

    def _draw(self, random: KeyedRandom, choice: Tensor, num_joints: int) -> tuple[Tensor, Tensor]:
        """Chooses between linear maps before they are applied, which spares taking the clips apart."""
        steps = [branch.transforms[0] for branch in self.branches]
        maps = [step.draw(random.fork(number), num_joints) for number, step in enumerate(steps)]
        every = torch.ones(len(choice), num_joints, dtype=torch.bool, device=choice.device)
        clip = torch.arange(len(choice), device=choice.device)
        matrix = torch.stack([matrix for matrix, _ in maps])[choice, clip]
        joints = torch.stack([every if joints is None else joints for _, joints in maps])[choice, clip]
        return matrix, joints

    def __repr__(self) -> str:
        return f'RandomChoice({[branch.transforms for branch in self.branches]})'


@TRANSFORMS.register_module()
class MultiView(BaseTransform):
    """Draws independent views of the same clips.

    Required keys: ``clips``, ``random``. Added key: ``inputs``, a list of views.

    Args:
        transforms: The pipeline of a view.
        num_views: How many views are drawn from it.
    """

    def __init__(self, transforms: Sequence[dict], num_views: int = 2) -> None:
        self.pipeline = _compose(transforms)
        self.num_views = num_views

    def transform(self, results: dict) -> dict:
        # All views at once, as if there were more clips: half the operations of one view after the other.
        views = self.pipeline(
            dict(
                results,
                clips=results['clips'].repeat(self.num_views),
                random=results['random'].forks(self.num_views),
            )
        )['inputs']
        return dict(results, inputs=list(views.chunk(self.num_views)))

    def __repr__(self) -> str:
        return f'MultiView({self.pipeline.transforms}, num_views={self.num_views})'
