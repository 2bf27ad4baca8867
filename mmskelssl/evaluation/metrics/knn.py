"""K-nearest-neighbour accuracy."""

from __future__ import annotations

from mmengine.device import get_device
from torch import Tensor

from mmskelssl.evaluation.functional import knn_predict
from mmskelssl.evaluation.metrics.base import BatchMetric
from mmskelssl.registry import METRICS
from mmskelssl.utils.errors import ConfigError, check_at_least


@METRICS.register_module()
class KNN(BatchMetric):
    """Top-1 accuracy in percent of the k-nearest-neighbour rule (cosine) on backbone features, for each modality.

    Needs a gallery: use it with ``GalleryValLoop`` or ``GalleryTestLoop``.

    Args:
        k: Neighbours that vote; 1 in the papers.
        device: Where similarities are computed; by default the accelerator, if there is one.
    """

    def __init__(self, k: int = 1, device: str | None = None) -> None:
        super().__init__(prefix='knn')
        check_at_least(1, self, k=k)
        self.k = k
        self.device = device or get_device()

    def columns(self, batch: dict) -> dict[str, Tensor]:
        if 'in_gallery' not in batch:
            raise ConfigError(
                'The KNN metric needs a gallery: set val_cfg / test_cfg to GalleryValLoop / GalleryTestLoop.'
            )
        kept = {name: batch[name] for name in ('index', 'labels', 'in_gallery')}
        return kept | {f'feature/{name}': value for name, value in batch['features'].items()}

    def compute_metrics(self, columns: dict[str, Tensor]) -> dict[str, float]:
        gallery = columns.pop('in_gallery')
        labels = columns['labels'].to(self.device)
        metrics = {}
        for name, feature in columns.items():
            if name.startswith('feature/'):
                feature = feature.to(self.device)
                predicted = knn_predict(feature[gallery], labels[gallery], feature[~gallery], self.k)
                hits = predicted == labels[~gallery]
                metrics[f'{name.removeprefix("feature/")}_top1'] = 100 * hits.double().mean().item()
        return metrics
