"""Features of all clips of a side, computed once and kept on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.device import get_device
from mmengine.dist import all_gather, get_rank, get_world_size, is_main_process
from mmengine.model import BaseModel
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mmskelssl.datasets import SkeletonDataset, batch_collate
from mmskelssl.datasets.sampler import ClipRequest
from mmskelssl.datasets.transforms import ViewPipeline
from mmskelssl.evaluation.arrays import load_arrays, save_arrays
from mmskelssl.evaluation.functional import check_finite
from mmskelssl.evaluation.processes import agreed, written_once
from mmskelssl.models.classifiers import SkeletonClassifier
from mmskelssl.models.distributed import unwrap_model
from mmskelssl.utils.errors import ReportError
from mmskelssl.utils.progress import track
from mmskelssl.version import __version__

_BATCH = 256


@dataclass(frozen=True)
class FeatureKey:
    """What features depend on.

    Args:
        weights: Digest of the backbone's weights.
        modality: Of the backbone.
        backbone: Its config as text.
        store: Digest of the clip store.
        clips: Digest of the clips' names.
        views: Normalizations and transforms as text.
        num_persons: Persons of a view.
        num_crops: Views of each clip.
        seed: Of the views.
        version: Of the package.
    """

    weights: str
    modality: str
    backbone: str
    store: str
    clips: str
    views: str
    num_persons: int
    num_crops: int
    seed: int
    version: str = __version__

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Features:
    """Features by clip.

    Args:
        names: (N,) clip names.
        labels: (N,) int64.
        values: (R, N, D) float32, R views of each clip.
    """

    names: np.ndarray
    labels: Tensor
    values: Tensor


def cached_features(
    folder: Path, key: FeatureKey, encoder: Callable[[], SkeletonClassifier], dataset: SkeletonDataset
) -> tuple[Features, Path]:
    """Features from the file that has them, or computed and kept there.

    The file is named by its key, so other weights, data or views are another file; the key is in the file too, and
    checked.

    Args:
        folder: Of the files.
        key: What the features depend on.
        encoder: Makes the model.
        dataset: The clips.

    Raises:
        ReportError: If the file is damaged or of another key.
        OSError: If it cannot be written.
    """
    path = folder / f'{key.modality}-{key.digest[:16]}.npz'
    if not agreed(path.exists()):
        model = encoder().to(get_device())
        found = encode(model, dataset, num_crops=key.num_crops, seed=key.seed, what=f'Encoding {key.modality}')
        values = found[model.modality]
        # One view per clip is the common case, and (N, D) what other programs expect.
        features = (values[0] if key.num_crops == 1 else values).numpy()
        text = np.array(json.dumps(asdict(key)))
        arrays = dict(names=dataset.names, labels=dataset.labels, features=features, key=text)
        written_once(lambda: save_arrays(path, **arrays))
    return load_features(path, key), path


def load_features(path: Path, key: FeatureKey | None = None) -> Features:
    """Reads features.

    Args:
        path: File of :func:`cached_features`.
        key: What they have to depend on; None takes any.

    Raises:
        ReportError: If the file is damaged, or of other weights, data or views; the message names them.
    """
    arrays = load_arrays(path, 'names', 'labels', 'features', 'key')
    found = json.loads(str(arrays['key']))
    unlike = [] if key is None else [name for name, value in asdict(key).items() if found.get(name) != value]
    if unlike:
        raise ReportError(f'Features {path} are of another {", ".join(unlike)}: delete the file to compute them anew.')
    values = torch.from_numpy(arrays['features'])
    return Features(arrays['names'], torch.from_numpy(arrays['labels']), values if values.ndim == 3 else values[None])


@torch.no_grad()
def encode(
    model: BaseModel,
    dataset: Dataset,
    mode: str = 'tensor',
    positions: Sequence[int] | None = None,
    num_crops: int = 1,
    seed: int = 0,
    what: str = 'Encoding',
) -> dict[str, Tensor]:
    """What a model gives for the clips of a data set, in its order.

    Processes share the batches and gather what they found, so that all have what one process alone would have.

    Args:
        model: Makes its test views of the clips, on its device.
        dataset: Serves batches as :class:`SkeletonDataset` does.
        mode: ``tensor`` for features, ``predict`` for a classifier's scores.
        positions: Which clips; by default all.
        num_crops: Views of each clip; the r-th is that of epoch r.
        seed: Of the views.
        what: For the progress bar.

    Returns:
        Name of a stream, or ``scores``, to (R, N, D) float32 on the CPU.

    Raises:
        NonFiniteError: If what the model gives for a clip is not finite.
    """
    model = unwrap_model(model).eval()
    if positions is None:
        positions = range(len(dataset))  # type: ignore[arg-type]  # torch leaves lengths out of the type
    requests = [ClipRequest(int(index), seed, epoch) for epoch in range(num_crops) for index in positions]
    shares = _shares([requests[start : start + _BATCH] for start in range(0, len(requests), _BATCH)])
    # A process without a share encodes a batch all the same: it has to know the shape of what it gathers.
    batches = shares[get_rank()] or [requests[:_BATCH]]
    loader = DataLoader(dataset, batch_sampler=batches, collate_fn=batch_collate)
    parts = []
    for batch in track(loader, len(loader), what) if is_main_process() else loader:
        outputs = model(**model.data_preprocessor(batch, False), mode=mode)
        found = outputs if mode == 'tensor' else dict(scores=outputs[0]['scores'])
        parts.append({name: value.float().cpu() for name, value in found.items()})
        check_finite(parts[-1], batch['data_samples']['index'].tolist(), getattr(dataset, 'names', None))
    lengths = [sum(map(len, share)) for share in shares]
    return {
        name: _gathered(torch.cat([part[name] for part in parts]), lengths).unflatten(0, (num_crops, len(positions)))
        for name in parts[0]
    }


def _shares(batches: list) -> list[list]:
    """The batches of each process. Batches stay whole, so that no number depends on how many processes there are."""
    world = get_world_size()
    bounds = [len(batches) * rank // world for rank in range(world + 1)]
    return [batches[start:end] for start, end in pairwise(bounds)]


def _gathered(rows: Tensor, lengths: list[int]) -> Tensor:
    """The rows of all processes one after the other; ``lengths`` says how many each has."""
    if len(lengths) == 1:
        return rows
    padded = F.pad(rows, (0, 0, 0, max(lengths) - len(rows)))
    return torch.cat([part[:length] for part, length in zip(all_gather(padded), lengths, strict=True)])


def view_text(pipeline: Sequence[dict], normalize: Sequence[dict] = ()) -> str:
    """Normalizations and transforms as one line of text."""
    steps = [f'{step["type"]}({", ".join(f"{k}={v}" for k, v in step.items() if k != "type")})' for step in normalize]
    return ' > '.join([*steps, *map(repr, ViewPipeline(pipeline).pipeline.transforms)])
