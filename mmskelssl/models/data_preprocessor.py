"""From clips to views, on the model's device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmengine.model import BaseDataPreprocessor

from mmskelssl.datasets.layouts import SkeletonLayout, get_layout
from mmskelssl.datasets.transforms import ViewPipeline
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError


@MODELS.register_module()
class SkeletonDataPreprocessor(BaseDataPreprocessor):
    """Moves packed clips to the device and makes views of them there.

    In a config it stands at the top, as ``data_preprocessor``: MMEngine hands it to the model. Loader workers gather
    frames meanwhile. A clip's randomness is a function of seed, epoch and clip, so views are the same on any device.

    Args:
        train_pipeline: Transforms for training batches.
        test_pipeline: Transforms for other batches.
        layout: What the joints mean; the model says it.
        num_persons: M of the views; the model says it. None keeps all.
        non_blocking: Whether copies to the device overlap with computation.

    Raises:
        ConfigError: If a step of a pipeline stands where what it works on is not there.
    """

    def __init__(
        self,
        train_pipeline: Sequence[dict] | None = None,
        test_pipeline: Sequence[dict] | None = None,
        layout: str | Mapping | SkeletonLayout = 'ntu25',
        num_persons: int | None = None,
        non_blocking: bool = True,
    ) -> None:
        super().__init__(non_blocking=non_blocking)
        self.layout = get_layout(layout)
        self.num_persons = num_persons
        self.train_pipeline, self.test_pipeline = (
            None if pipeline is None else ViewPipeline(pipeline) for pipeline in (train_pipeline, test_pipeline)
        )

    @torch.compiler.disable  # random keys wrap around, which the compiler takes for an overflow
    def forward(self, data: dict, training: bool = False) -> dict:
        """Makes the views of a batch.

        Args:
            data: A batch of :class:`~mmskelssl.datasets.SkeletonDataset`. The last ``num_padding`` clips are left out,
                if it has such a number; the rest may be none.
            training: Which pipeline makes the views.

        Returns:
            ``dict(inputs=[views (N, M, T, V, C)], data_samples=dict of (N,))``; in training the clips' ``keys``
            are among the latter.

        Raises:
            ConfigError: If there is no such pipeline.
        """
        name = 'train_pipeline' if training else 'test_pipeline'
        pipeline = getattr(self, name)
        if pipeline is None:
            raise ConfigError(f'No views can be made of clips: set {name} of data_preprocessor in the config.')
        data = self.cast_data(data)
        known = dict(data['inputs'])
        keys = known.pop('keys')
        batches = {
            name: clips._replace(max_persons=self.num_persons or clips.max_persons) for name, clips in known.items()
        }
        # Mixed precision is for the model: MMEngine's steps begin here.
        with torch.autocast(keys.device.type, enabled=False):
            views = pipeline(batches.pop('clips'), keys, self.layout, **batches)
        # Methods that draw something themselves, such as masks, draw it from the clips' keys as well.
        data_samples = data['data_samples'] | (dict(keys=keys) if training else {})
        if padding := data.get('num_padding', 0):
            views = [view[:-padding] for view in views]
            data_samples = {name: value[:-padding] for name, value in data_samples.items()}
        return dict(inputs=views, data_samples=data_samples)
