"""Features and predictions on disk, by clip name: NumPy archives without pickle."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from mmskelssl.utils.errors import ReportError
from mmskelssl.utils.files import written_beside


def save_arrays(path: str | os.PathLike, **arrays: np.ndarray) -> None:
    """Writes named arrays of numbers or text, whole or not at all."""
    with written_beside(path) as beside, open(beside, 'wb') as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # one may not be named allow_pickle


def load_arrays(path: str | os.PathLike, *names: str) -> dict[str, np.ndarray]:
    """Reads named arrays.

    Args:
        path: Archive of :func:`save_arrays`.
        names: Arrays that have to be in it; by default whatever is there.

    Raises:
        ReportError: If the file is missing, damaged, would execute code, or lacks an array.
    """
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise ReportError(f'{path} is missing: run tools/evaluate.py again.') from error
    # A damaged archive makes zipfile and NumPy fail in many ways.
    except Exception as error:
        raise ReportError(f'{path} is damaged, or not a NumPy archive: delete it and run again. ({error})') from error
    missing = [name for name in names if name not in arrays]
    if missing:
        raise ReportError(f'{path} lacks {missing}: it holds {sorted(arrays)}.')
    return arrays
