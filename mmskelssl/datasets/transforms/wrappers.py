"""Transforms made of transforms."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmcv.transforms import BaseTransform
from mmengine.dataset import Compose
from torch import Tensor

from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.keyed_random import KeyedRandom
from mmskelssl.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ViewPipeline:
    """Transforms from clips to views, on whichever device the clips are.

    Args:
        transforms: The steps; the last leaves one view or a list of views as ``inputs``.
    """

    def __init__(self, transforms: Sequence[dict]) -> None:
        self.pipeline = Compose(transforms)

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
        self.branches = [Compose(branch) for branch in transforms]

    def transform(self, results: dict) -> dict:
        view, random = results['inputs'], results['random']
        choice = random.integers(len(self.branches))
        out = torch.empty_like(view)
        for number, branch in enumerate(self.branches):
            clips = (choice == number).nonzero().squeeze(1)
            if len(clips):
                own = dict(results, inputs=view[clips], random=random.of(clips).fork(number))
                out[clips] = branch(own)['inputs']
        return dict(results, inputs=out)

    def __repr__(self) -> str:
        return f'RandomChoice({[branch.transforms for branch in self.branches]})'


@TRANSFORMS.register_module()
class MultiView(BaseTransform):
    """Draws independent views of the same clips, one from each pipeline.

    Required keys: ``clips``, ``random``. Added key: ``inputs``, a list of views.

    Args:
        transforms: The pipeline of a view.
        num_views: How many views are drawn from it.
    """

    def __init__(self, transforms: Sequence[dict], num_views: int = 2) -> None:
        self.pipeline = Compose(transforms)
        self.num_views = num_views

    def transform(self, results: dict) -> dict:
        views = [
            self.pipeline(dict(results, random=results['random'].fork(v)))['inputs'] for v in range(self.num_views)
        ]
        return dict(results, inputs=views)

    def __repr__(self) -> str:
        return f'MultiView({self.pipeline.transforms}, num_views={self.num_views})'
