"""What every transform of clips and views shares: batches in, batches out, on whichever device they are.

A transform is one of MMCV's: it takes and gives a dict of results, here with the keys

- ``clips``: packed clips of any length, a :class:`~mmskelssl.datasets.ClipBatch`;
- ``inputs``: views (N, M, T, V, C) of one length, once they have been cut out of the clips;
- ``random``: a :class:`~mmskelssl.datasets.keyed_random.KeyedRandom` of the N clips;
- ``layout``: what the joints mean.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from mmcv.transforms import BaseTransform
from mmengine.dataset import Compose
from torch import Tensor

from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.registry import TRANSFORMS
from mmskelssl.utils.errors import ConfigError


class SkeletonTransform(BaseTransform):
    """Says what it works on and what it leaves, ``clips`` or ``views``, so that the order of steps can be checked."""

    takes = 'views'
    gives = 'views'

    def __repr__(self) -> str:
        return f'{type(self).__name__}({", ".join(f"{name}={value}" for name, value in vars(self).items())})'


class Normalization(SkeletonTransform):
    """Maps the frames of whole clips to frames: once for a whole store (``normalize`` of a data set), or in a pipeline.

    Joints at exactly zero are missing, and stay so.

    Required keys: ``clips``, ``layout``. Modified key: ``clips``.
    """

    takes = gives = 'clips'

    @abstractmethod
    def normalize(self, clips: ClipBatch, layout: SkeletonLayout) -> ClipBatch:
        """Packed clips with new frames; persons, and lengths but for :meth:`lengths`, are kept."""

    def lengths(self, num_frames: Tensor) -> Tensor:
        """Frames (N,) that clips of ``num_frames`` (N,) have afterwards."""
        return num_frames

    def lacks_reference(self, clips: ClipBatch, layout: SkeletonLayout) -> Tensor:
        """(N,) bool, clips with a person who stays as it was: a joint to measure it by is tracked in no frame."""
        return torch.zeros_like(clips.num_frames, dtype=torch.bool)

    def transform(self, results: dict) -> dict:
        # Repeated clips share their rows, and each is to be changed by itself.
        return dict(results, clips=self.normalize(results['clips'].pack(), results['layout']))


def compose(transforms: Sequence[dict], takes: str = 'clips') -> Compose:
    """Builds a pipeline that starts from ``clips`` or ``views`` and ends with views.

    Raises:
        ConfigError: If a step stands where what it works on is not there, or no step makes views.
    """
    # Built here and not by Compose, which finds them only where the default scope was set.
    steps = [TRANSFORMS.build(transform) for transform in transforms]
    have = takes
    for step in steps:
        if getattr(step, 'takes', have) != have:
            name = type(step).__name__
            place = 'before the step that cuts views' if have == 'views' else 'behind it'
            raise ConfigError(f'{name} works on {step.takes}, but stands where there are {have}: put it {place}.')
        have = getattr(step, 'gives', have)
    if have != 'views':
        names = [type(step).__name__ for step in steps]
        raise ConfigError(f'The pipeline {names} makes no views: add a step such as CenterCropResize.')
    return Compose(steps)
