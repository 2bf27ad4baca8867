"""Models as files that other programs run: ONNX, and exported programs of PyTorch."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.export import Dim, ExportedProgram

from mmskelssl.deployment.exported_model import FACTS, SUFFIXES, ExportedModel, Facts
from mmskelssl.deployment.graph import ClipModel
from mmskelssl.utils.errors import ConfigError
from mmskelssl.utils.files import written_beside

# Largest distance of a file's outputs from the model's, in shares of the largest output.
TOLERANCE = 1e-5


def export_model(model: ClipModel, path: str | os.PathLike, format: str) -> float:
    """Writes a model to a file and compares what the file gives with what the model gives.

    Clips, persons and frames may be of any number in the file. It takes float32 clips (N, M, T, V, C) in metres.

    Args:
        model: With normalization and test view.
        path: The file; its suffix is that of the format.
        format: ``onnx``, or ``torch-export`` for :func:`torch.export.load`.

    Returns:
        The largest distance between outputs of both on random clips, in shares of the largest output.

    Raises:
        ConfigError: If path and format do not fit, or the file gives something else than the model.
    """
    path = Path(path)
    if path.suffix != SUFFIXES[format]:
        raise ConfigError(f'{path}: a file of format {format} ends in {SUFFIXES[format]}.')
    facts = Facts.of(model)
    with _traceable(), torch.no_grad():
        sizes = dict.fromkeys(range(3), Dim.DYNAMIC)
        program = torch.export.export(model, (model.example(),), dynamic_shapes=(sizes,), strict=False)
        with written_beside(path) as beside:
            FORMATS[format](program, model, facts, beside)
            found = distance(model, ExportedModel(beside))
    if not found <= TOLERANCE:
        path.unlink()
        raise ConfigError(f'{path} differs from the model by {found:.1e} of the largest output: it was not kept.')
    return found


@torch.no_grad()
def distance(model: ClipModel, exported: ExportedModel) -> float:
    """The largest distance between outputs of both on random clips, in shares of the largest output."""
    distances = [0.0]
    for shape in ((1, 1, 25), (4, 3, 7)):
        clips = torch.randn(*shape, *model.example().shape[3:], generator=torch.Generator().manual_seed(1))
        clips[-1, 0] = 0
        expected, found = model(clips), exported(clips)
        distances += [float((found[k] - v).abs().max() / v.abs().max().clamp(min=1e-12)) for k, v in expected.items()]
    return max(distances)


@contextmanager
def _traceable() -> Iterator[None]:
    """Without PyTorch's fused Transformer layers, which no other program knows, and without its remarks on tracing."""
    was_enabled = torch.backends.mha.get_fastpath_enabled()
    logger = logging.getLogger('torch.onnx')
    level = logger.level
    torch.backends.mha.set_fastpath_enabled(False)
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was_enabled)
        logger.setLevel(level)


def _write_onnx(program: ExportedProgram, model: ClipModel, facts: Facts, path: Path) -> None:
    try:
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            'ONNX files need onnx, onnxscript and onnxruntime: pip install "mmskelssl[optional]".'
        ) from error
    written = torch.onnx.export(
        program,
        (model.example(),),
        dynamo=True,
        verbose=False,
        input_names=['clips'],
        output_names=facts.outputs,
        dynamic_shapes=(dict(enumerate(('clips', 'persons', 'frames'))),),
    )
    written.model.metadata_props[FACTS] = facts.to_json()
    written.save(path)


def _write_program(program: ExportedProgram, model: ClipModel, facts: Facts, path: Path) -> None:
    torch.export.save(program, path, extra_files={FACTS: facts.to_json()})


FORMATS: dict[str, Callable[[ExportedProgram, ClipModel, Facts, Path], None]] = {
    'onnx': _write_onnx,
    'torch-export': _write_program,
}
