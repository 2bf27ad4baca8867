"""A model as one function of raw clips, with normalization and test view inside."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NoReturn

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.registry import TRANSFORMS
from mmskelssl.utils.errors import ConfigError

SCORES = 'scores'


class ClipModel(nn.Module):
    """What a model gives for clips in metres, as they come from a camera.

    It holds a copy of the model, in eval mode on the CPU, without what only training needs (memory banks, momentum
    encoders, projectors).

    Args:
        model: Whose ``data_preprocessor`` has a ``test_pipeline``.
        normalize: Configs of the normalizations of its test data.

    Raises:
        ConfigError: If the model has no test views, or draws them at random.
    """

    def __init__(self, model: BaseModel, normalize: Sequence[dict] = ()) -> None:
        super().__init__()
        if model.data_preprocessor.test_pipeline is None:
            raise ConfigError('The model has no test views: set test_pipeline of data_preprocessor in its config.')
        self.model = copy.deepcopy(model).cpu().eval()
        self.normalize = [TRANSFORMS.build(step) for step in normalize]
        _drop_unused(self, self.example())

    def example(self) -> Tensor:
        """Random clips (3, 2, 10, V, 3)."""
        generator = torch.Generator().manual_seed(0)
        return torch.randn(3, 2, 10, self.model.layout.num_joints, 3, generator=generator)

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """Stream to feature (N, D), and ``scores`` (N, classes) of a classifier, of clips (N, M, T, V, C).

        Persons and frames may be as many as one likes; absent persons are zeros, in any place. All clips have T frames.
        """
        num_clips, num_persons, num_frames = clips.shape[:3]
        clip = torch.arange(num_clips, device=clips.device)
        batch = ClipBatch(
            _present_first(clips).flatten(0, 2),
            offsets=clip * (num_persons * num_frames),
            num_frames=torch.full_like(clip, num_frames),
            num_persons=torch.full_like(clip, num_persons),
            max_persons=num_persons,
        )
        for step in self.normalize:
            batch = step.normalize(batch, self.model.layout)
        batch = batch._replace(max_persons=self.model.num_persons)
        show = self.model.data_preprocessor.test_pipeline.pipeline
        view = show(dict(clips=batch, layout=self.model.layout, random=_NoChance()))['inputs']
        features = self.model(view, mode='tensor')
        if not hasattr(self.model, 'head'):
            return features
        return features | {SCORES: self.model.head(features[self.model.modality]).float()}


class _NoChance:
    """Stands where transforms look for their random numbers."""

    def __getattr__(self, name: str) -> NoReturn:
        raise ConfigError('Test views that are drawn at random cannot be exported: use CenterCropResize.')


def _present_first(clips: Tensor) -> Tensor:
    """Clips (N, M, T, V, C) with the persons who are zero everywhere behind the others, who keep their order."""
    is_absent = (clips == 0).flatten(2).all(2)
    num_persons = clips.shape[1]
    # No two are equal, so that any way to sort will do.
    place = is_absent.long() * num_persons + torch.arange(num_persons, device=clips.device)
    clip = torch.arange(clips.shape[0], device=clips.device)[:, None]
    return clips[clip, place.argsort(1)]


class _Touched(TorchDispatchMode):
    """Notes the memory of all tensors that are computed with."""

    def __init__(self) -> None:
        super().__init__()
        self.memory: set[int] = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        inputs = tree_leaves((args, kwargs))
        self.memory |= {x.untyped_storage().data_ptr() for x in inputs if isinstance(x, Tensor)}
        return function(*args, **(kwargs or {}))


@torch.no_grad()
def _drop_unused(module: nn.Module, clips: Tensor) -> None:
    """Takes out parameters and buffers that do not matter for what a module gives."""
    with _Touched() as touched:
        module(clips)
    for part in module.modules():
        for tensors in (part._parameters, part._buffers):
            for name, value in tensors.items():
                if value is not None and value.untyped_storage().data_ptr() not in touched.memory:
                    tensors[name] = None
