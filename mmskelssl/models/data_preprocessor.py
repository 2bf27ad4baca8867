"""The last step before the model: move to the device and, if wished, make the views there."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from mmskelssl.registry import MODELS, TRANSFORMS


@MODELS.register_module()
class SkeletonDataPreprocessor(BaseDataPreprocessor):
    """Moves batches to the device, and runs there the pipeline that the dataset left out.

    Datasets with a pipeline make views in loader workers. Datasets without one hand over clips; the same transforms,
    put here, then make the same views on the model's device.

    Args:
        train_pipeline: Transforms for training batches without views.
        test_pipeline: Transforms for other batches without views.
        non_blocking: Whether copies to the device overlap with computation.
    """

    def __init__(
        self,
        train_pipeline: Sequence[dict] | None = None,
        test_pipeline: Sequence[dict] | None = None,
        non_blocking: bool = True,
    ) -> None:
        super().__init__(non_blocking=non_blocking)
        self.pipelines = {
            training: None if pipeline is None else TRANSFORMS.build(dict(type='ViewPipeline', transforms=pipeline))
            for training, pipeline in ((True, train_pipeline), (False, test_pipeline))
        }

    def forward(self, data: dict, training: bool = False) -> dict:
        """Takes and gives ``dict(inputs, data_samples)``; ``inputs`` is a list of views (N, M, T, V, C) afterwards.

        The last ``num_padding`` clips are left out, if a batch has such a number. The rest may be none.
        """
        data = self.cast_data(data)
        num_padding = data.pop('num_padding', 0)
        data['inputs'] = self._views(data['inputs'], training)
        return _without_last(data, num_padding) if num_padding else data

    def _views(self, inputs: list[Tensor] | dict, training: bool) -> list[Tensor]:
        if isinstance(inputs, list):
            return inputs
        pipeline = self.pipelines[training]
        if pipeline is None:
            raise ValueError(
                f'The dataset has no pipeline, and neither has the data preprocessor for {"" if training else "non-"}'
                f'training batches: set `pipeline` of the dataset, or {"train" if training else "test"}_pipeline of '
                'model.data_preprocessor.'
            )
        return pipeline(**inputs)


def _without_last(data: dict, count: int) -> dict:
    return dict(
        inputs=[view[:-count] for view in data['inputs']],
        data_samples={name: value[:-count] for name, value in data['data_samples'].items()},
    )
