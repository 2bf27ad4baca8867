"""What every model here has: a layout, persons, views made on its device, and two moments around an update."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmengine.model import BaseModel
from torch import Tensor

from mmskelssl.datasets import SkeletonDataset
from mmskelssl.datasets.layouts import SkeletonLayout, get_layout
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError


class SkeletonModel(BaseModel):
    """Base of methods and classifiers. Says layout and persons once, for backbones, views and data alike.

    Hooks of ``default_runtime.py`` tell every model of updates: ``MomentumUpdateHook`` sets :attr:`epoch` and calls
    :meth:`before_update`, ``QueueEnqueueHook`` calls :meth:`after_update`. Monitors watch :attr:`embeddings`.

    Args:
        layout: Skeleton layout of the data.
        num_persons: M of the views; further persons of a clip are left out, absent ones are zeros.
        data_preprocessor: Config of the step that makes views, handed layout and persons.
        init_cfg: Config.

    Attributes:
        min_batch: Clips of a batch, of all processes, that the loss needs.
        epoch: Counted from 0.
        embeddings: Name to (N, D), what the last step embedded, without gradient; empty where there is nothing.
    """

    min_batch = 1

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'ntu25',
        num_persons: int = 2,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        layout = get_layout(layout)
        if num_persons < 1:
            raise ConfigError(f'model.num_persons={num_persons}: views show at least one person.')
        views = dict(data_preprocessor or dict(type='SkeletonDataPreprocessor'), layout=layout, num_persons=num_persons)
        super().__init__(MODELS.build(views), init_cfg)
        self.layout = layout
        self.num_persons = num_persons
        self.epoch = 0
        self.embeddings: dict[str, Tensor] = {}

    def before_update(self) -> None:
        """Called before the first batch of every update of the parameters."""

    def to_enqueue(self) -> dict[str, Tensor]:
        """Name to rows (N, ...) of the last batch that :meth:`after_update` is to have from all processes."""
        return {}

    def after_update(self, batches: Sequence[Mapping[str, Tensor]]) -> None:
        """Called after every update of the parameters.

        Args:
            batches: What :meth:`to_enqueue` gave for each batch of the update (several where gradients are
                accumulated), gathered over processes in the order of one.
        """

    def check_batch(self, total: int, factors: str) -> None:
        """Refuses to be trained in batches that do not fit.

        Args:
            total: Clips of an update, of all processes.
            factors: How the number comes about, for the message.
        """

    def remarks(self, dataset: SkeletonDataset) -> list[str]:
        """What a user may not have meant when the model is trained on this data, a line each."""
        return []

    def check_data(self, dataset: SkeletonDataset) -> None:
        """Refuses data that the model is not made for.

        Raises:
            ConfigError: If its layout is another; the message names the key to change.
        """
        if dataset.layout != self.layout:
            raise ConfigError(
                f"{dataset.store.path} has layout '{dataset.layout.name}', the model '{self.layout.name}': set "
                "model.layout to the data's."
            )
