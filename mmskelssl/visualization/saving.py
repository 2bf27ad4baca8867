"""Figures and animations on disk."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from mmskelssl.utils.errors import UserError
from mmskelssl.utils.files import written_beside

MAX_GIF_FPS = 50


def save_figure(figure: Figure, path: str | os.PathLike, dpi: float = 150) -> None:
    """Writes a figure; the file appears whole or not at all.

    Args:
        figure: The figure.
        path: The file; its ending names the format, such as ``.png``, ``.pdf`` or ``.svg``.
        dpi: Pixels per inch.

    Raises:
        UserError: If the ending names no format that matplotlib can write.
    """
    kind = Path(path).suffix.lstrip('.').lower()
    known = figure.canvas.get_supported_filetypes()
    if kind not in known:
        raise UserError(f'Cannot write a figure to {path}: its name has to end in one of {sorted(known)}.')
    with written_beside(path) as beside:
        figure.savefig(beside, dpi=dpi, format=kind)


def animation_writer(path: str | os.PathLike, fps: float) -> Callable[[Sequence[Image.Image]], None]:
    """Gives what writes RGB images of one size as an animation; the file appears whole or not at all.

    Whether it can be written is told here, before anything is rendered.

    Args:
        path: The file, ending in ``.gif`` or ``.mp4``.
        fps: Frames per second.

    Raises:
        UserError: If the path has another ending, the format cannot have ``fps``, or it needs ffmpeg and there is
            none.
    """
    kind = Path(path).suffix.lower()
    if kind not in ('.gif', '.mp4'):
        raise UserError(f'Animations are written as GIF or MP4, but {path} does not end in .gif or .mp4.')
    if fps < 1:
        raise UserError(f'{fps} frames per second: at least 1 is needed.')
    if kind == '.gif':
        if fps > MAX_GIF_FPS:
            raise UserError(f'{fps} frames per second: a GIF can have 1 to {MAX_GIF_FPS}.')
        return partial(_save_gif, path, fps)
    ffmpeg = shutil.which('ffmpeg')
    if ffmpeg is None:
        raise UserError(
            f'{path} needs the program ffmpeg, which is not on the PATH: install it (apt-get install ffmpeg, conda '
            'install ffmpeg), or write a GIF.'
        )
    return partial(_save_mp4, ffmpeg, path, fps)


def _save_gif(path: str | os.PathLike, fps: float, images: Sequence[Image.Image]) -> None:
    # One palette for all frames, taken from the middle, keeps what stands still from flickering.
    palette = images[len(images) // 2].quantize(128)
    images = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    with written_beside(path) as beside:
        images[0].save(
            beside, 'GIF', save_all=True, append_images=images[1:], duration=round(1000 / fps), loop=0, optimize=False
        )


def _save_mp4(ffmpeg: str, path: str | os.PathLike, fps: float, images: Sequence[Image.Image]) -> None:
    width, height = images[0].size
    with written_beside(path) as beside:
        command = [ffmpeg, '-loglevel', 'error', '-y', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', f'{width}x{height}']
        # The widespread kind of H.264 has sides of even numbers.
        command += ['-r', str(fps), '-i', '-', '-vf', 'pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white']
        command += ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-crf', '18', '-movflags', '+faststart', '-f', 'mp4']
        done = subprocess.run([*command, str(beside)], input=b''.join(image.tobytes() for image in images),
                              stderr=subprocess.PIPE)  # fmt: skip
        if done.returncode:
            raise UserError(f'ffmpeg could not write {path}: {done.stderr.decode(errors="replace").strip()}')
