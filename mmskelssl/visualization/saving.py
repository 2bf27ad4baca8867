"""Figures on disk."""

from __future__ import annotations

import os
from pathlib import Path

from matplotlib.figure import Figure

from mmskelssl.utils.files import written_beside


def save_figure(figure: Figure, path: str | os.PathLike, dpi: float = 150) -> None:
    """Writes a figure; the file appears whole or not at all.

    Args:
        figure: The figure.
        path: The file; its ending names the format, such as ``.png``, ``.pdf`` or ``.svg``.
        dpi: Pixels an inch.

    Raises:
        ValueError: If the ending names no format that matplotlib can write.
    """
    kind = Path(path).suffix.lstrip('.').lower()
    known = figure.canvas.get_supported_filetypes()
    if kind not in known:
        raise ValueError(f'Cannot write a figure to {path}: its name has to end in one of {sorted(known)}.')
    with written_beside(path) as beside:
        figure.savefig(beside, dpi=dpi, format=kind)
