"""Exported files, run without the config, classes and registries that made them."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from mmskelssl.datasets.layouts import get_layout
from mmskelssl.deployment.graph import SCORES, ClipModel
from mmskelssl.utils.errors import CheckpointError
from mmskelssl.version import __version__

SUFFIXES = {'onnx': '.onnx', 'torch-export': '.pt2'}
FACTS = 'mmskelssl'


@dataclass(frozen=True)
class Facts:
    """What an exported file says of itself.

    Args:
        layout: Of the skeletons, as data.
        num_persons: Of a view; further ones are left out.
        outputs: Names of what it gives: streams, and ``scores`` of a classifier.
        dataset_meta: Of the training data, names of classes among them.
        card: Of the checkpoint.
        version: Of the package that wrote it.
    """

    layout: dict
    num_persons: int
    outputs: list[str]
    dataset_meta: dict = field(default_factory=dict)
    card: dict = field(default_factory=dict)
    version: str = __version__

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, model: ClipModel) -> Facts:
        inner = model.model
        return cls(
            inner.layout.to_dict(),
            inner.num_persons,
            [*model(model.example())],
            getattr(inner, 'dataset_meta', {}),
            getattr(inner, 'card', {}),
        )


class ExportedModel:
    """Features of clips, and scores of a classifier, from a file of :func:`~mmskelssl.deployment.export_model`.

    Args:
        path: The file. ONNX is run by onnxruntime, on a GPU where it has one; exported programs of PyTorch on the CPU.
            As with any program, take only such as you trust.

    Attributes:
        layout: Of the skeletons.
        num_persons: Of a view.
        streams: Names of the features.
        is_classifier: Whether it gives scores.
        dataset_meta: Of the training data, names of classes among them.
        card: Of the checkpoint.

    Raises:
        CheckpointError: If the file is missing, damaged, or of another program.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        path = Path(path)
        if not path.is_file():
            raise CheckpointError(f'Exported model not found: {path}. Check the path.')
        try:
            self._run, text = _READERS[path.suffix](path)
        except ImportError as error:
            raise CheckpointError(f'{path} needs {error.name}: pip install "mmskelssl[optional]".') from error
        except Exception as error:  # the libraries fail in any way
            raise CheckpointError(f'{path} cannot be read ({type(error).__name__}): export it anew.') from error
        if not text:
            raise CheckpointError(f'{path} is not a file of tools/deployment/export.py: export the checkpoint with it.')
        facts = Facts(**json.loads(text))
        self.path = path
        self.layout = get_layout(facts.layout)
        self.num_persons = facts.num_persons
        self.outputs = facts.outputs
        self.dataset_meta = facts.dataset_meta
        self.card = facts.card

    @property
    def streams(self) -> list[str]:
        return [name for name in self.outputs if name != SCORES]

    @property
    def is_classifier(self) -> bool:
        return SCORES in self.outputs

    def __call__(self, clips: Tensor) -> dict[str, Tensor]:
        """Name to (N, D), of clips (N, M, T, V, C) in metres, all of T frames; absent persons are zeros."""
        return self._run(clips.float().contiguous(), self.outputs)

    def encode(self, clips: Sequence[Tensor], batch_size: int = 64) -> dict[str, Tensor]:
        """The same of clips (M, T, V, C) of any length; those of the same shape go through together."""
        by_shape = defaultdict(list)
        for number, clip in enumerate(clips):
            by_shape[clip.shape].append(number)
        batches = [same[i : i + batch_size] for same in by_shape.values() for i in range(0, len(same), batch_size)]
        parts = [self(torch.stack([clips[number] for number in batch])) for batch in batches]
        order = torch.tensor([number for batch in batches for number in batch]).argsort()
        return {name: torch.cat([part[name] for part in parts])[order] for name in self.outputs}


Run = Callable[[Tensor, list[str]], dict[str, Tensor]]


def is_exported(path: object) -> bool:
    """Whether a path is that of an exported file, by its suffix."""
    return isinstance(path, (str, os.PathLike)) and Path(path).suffix in _READERS


def _read_onnx(path: Path) -> tuple[Run, str]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=onnxruntime.get_available_providers())

    def run(clips: Tensor, outputs: list[str]) -> dict[str, Tensor]:
        arrays = session.run(outputs, {'clips': clips.cpu().numpy()})
        return dict(zip(outputs, map(torch.from_numpy, arrays), strict=True))

    return run, session.get_modelmeta().custom_metadata_map.get(FACTS, '')


def _read_program(path: Path) -> tuple[Run, str]:
    facts = {FACTS: ''}
    program = torch.export.load(path, extra_files=facts).module()

    def run(clips: Tensor, outputs: list[str]) -> dict[str, Tensor]:
        with torch.no_grad():
            return program(clips.cpu())

    return run, facts[FACTS]


_READERS: dict[str, Callable[[Path], tuple[Run, str]]] = {
    SUFFIXES['onnx']: _read_onnx,
    SUFFIXES['torch-export']: _read_program,
}
