"""Skeleton clips as rows of pictures and as animations."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.utils.errors import UserError
from mmskelssl.visualization.projection import project, upright_clips, visible_joints
from mmskelssl.visualization.saving import animation_writer

# One row per person: its left side, its middle, its right side.
COLORS = np.array(
    [
        ['#56b4e9', '#46586a', '#08519c'],
        ['#fdae6b', '#8a5a2b', '#d94801'],
        ['#8fd08a', '#4b6b4b', '#1a7a35'],
        ['#c9a6e0', '#6b5780', '#7b2fa0'],
    ]
)
LEFT, MIDDLE, RIGHT = range(3)
LINE_WIDTHS = (1.0, 2.6)
MARGIN = 1.12
TITLE_HEIGHT = 0.17
LEGEND_HEIGHT = 0.3
CHARACTERS_AN_INCH = 13.5
DPI = 100
PANEL_COLOR = '0.97'


def joint_sides(layout: SkeletonLayout) -> np.ndarray:
    """Whether each joint (V,), and the bone to its parent, is ``LEFT``, ``MIDDLE`` or ``RIGHT``."""
    sides = np.full(layout.num_joints, MIDDLE)
    for left, right in layout.pairs:
        sides[left], sides[right] = LEFT, RIGHT
    return sides


def draw_frames(
    clips: Sequence[np.ndarray],
    titles: Sequence[str],
    layout: SkeletonLayout,
    frames: int = 8,
    turn: float = 0.0,
    up: str | None = None,
    size: float = 1.7,
) -> Figure:
    """Draws clips below each other, evenly spaced frames of each side by side, all at the same scale.

    Persons differ in hue; the left side is light, the right side dark; what is nearer is thicker. Joints at zero
    (absent persons or frames, corrupted joints) are left out together with their bones. Pictures follow the bodies
    sideways but not up and down, so that sitting is lower than standing.

    Args:
        clips: (M, T, V, C) coordinates each, C 2 or 3; M and T may differ.
        titles: One title per clip.
        layout: Layout of the V joints.
        frames: Columns; a clip of fewer frames shows each of its frames once.
        turn: Degrees by which the bodies are turned about the vertical; 180 looks from the opposite side.
        up: The axis that points up, such as ``+y``; found for each clip where it is not given.
        size: Height of a picture in inches.

    Raises:
        UserError: If a clip does not fit the layout, or titles and clips differ in number.
    """
    if frames < 1:
        raise UserError(f'Cannot draw {frames} frames: at least 1 is needed.')
    scenes = _scenes(clips, titles, layout, turn, up, frames)
    stills = [[scene.still(index) for index in range(scene.num_frames)] for scene in scenes]
    width = _span([still for row in stills for still in row])[0]
    height = _span(scenes)[1]
    width = max(width, height / 2)
    cell = size * width / height
    columns = max(scene.num_frames for scene in scenes)
    figure_width = max(columns * cell, 4.0)
    lines = [_wrapped(title, figure_width) for title in titles]
    tops = [TITLE_HEIGHT * (1 + len(wrapped)) + size for wrapped in lines]
    figure_height = sum(tops) + LEGEND_HEIGHT
    figure = Figure(figsize=(figure_width, figure_height), dpi=DPI)
    y = figure_height
    for scene, row, wrapped, top in zip(scenes, stills, lines, tops, strict=True):
        figure.text(0.08 / figure_width, (y - 0.05) / figure_height, '\n'.join(wrapped), va='top', fontsize=9)
        y -= top
        for column, frame in enumerate(scene.frames):
            box = (column * cell, y + TITLE_HEIGHT * 0.7, cell, size)
            middle = row[column].center_and_size()[0][0], scene.center_and_size()[0][1]
            axes = _add_panel(figure, box, middle, (width, height))
            _draw(axes, scene, column)
            axes.text(0.5, 0, f't={frame}', transform=axes.transAxes, ha='center', va='top', fontsize=7, color='0.4')
    _add_legend(figure, scenes)
    return figure


def animate(
    clips: Sequence[np.ndarray],
    titles: Sequence[str],
    layout: SkeletonLayout,
    path: str | os.PathLike,
    fps: float = 20,
    turn: float = 0.0,
    up: str | None = None,
    size: float = 2.6,
) -> None:
    """Writes clips as an endless GIF or as a video, side by side and at the same scale.

    It has the frames of the longest clip; shorter clips are slowed down so that all end together.

    Args:
        clips: (M, T, V, C) coordinates each, as for :func:`draw_frames`.
        titles: One title per clip.
        layout: Layout of the V joints.
        path: The file, ending in ``.gif`` or, where there is ffmpeg, ``.mp4``.
        fps: Frames per second; at most 50 in a GIF, which counts in hundredths of a second.
        turn: As for :func:`draw_frames`.
        up: As for :func:`draw_frames`.
        size: Height of a panel in inches of 100 pixels.

    Raises:
        UserError: If a clip does not fit the layout, titles and clips differ in number, or no file of that name and
            ``fps`` can be written.
    """
    save = animation_writer(path, fps)
    scenes = _scenes(clips, titles, layout, turn, up)
    save(_render(scenes, titles, _span(scenes), size))


@dataclass
class Scene:
    """One clip, ready to be drawn.

    Args:
        frames: (F,) numbers of the frames that are drawn.
        points: (M, F, V, 3) right, up, and towards the reader.
        visible: (M, F, V) joints that are there.
        bones: (B, 2) joint and parent.
        sides: (V,) whether a joint and its bone are ``LEFT``, ``MIDDLE`` or ``RIGHT``.
    """

    frames: np.ndarray
    points: np.ndarray
    visible: np.ndarray
    bones: np.ndarray
    sides: np.ndarray

    @property
    def num_frames(self) -> int:
        return len(self.frames)

    def still(self, index: int) -> Scene:
        """The scene of the drawn frame ``index`` alone."""
        one = slice(index, index + 1)
        return replace(self, frames=self.frames[one], points=self.points[:, one], visible=self.visible[:, one])

    @property
    def shown(self) -> np.ndarray:
        """(P, 3) points of all visible joints."""
        return self.points[self.visible]

    def center_and_size(self) -> tuple[np.ndarray, np.ndarray]:
        """Centre (2,) and size (2,) of the rectangle that holds all visible joints."""
        if not self.visible.any():
            return np.zeros(2), np.zeros(2)
        low, high = self.shown[:, :2].min(axis=0), self.shown[:, :2].max(axis=0)
        return (low + high) / 2, high - low

    def thickness(self, depth: np.ndarray) -> np.ndarray:
        """Line widths for depths (towards the reader), relative to the scene's own range."""
        near, far = self.shown[:, 2].max(), self.shown[:, 2].min()
        return np.interp(depth, (far, near), LINE_WIDTHS) if near > far else np.full(len(depth), np.mean(LINE_WIDTHS))

    def lines(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Bones of the drawn frame ``index``, the farthest first: (S, 2, 2) ends, (S,) colours, (S,) widths."""
        points, visible = self.points[:, index], self.visible[:, index]
        persons, bones = np.nonzero(visible[:, self.bones].all(axis=-1))
        if not len(bones):
            return np.empty((0, 2, 2)), np.empty(0, COLORS.dtype), np.empty(0)
        ends = points[persons[:, None], self.bones[bones]]
        depth = ends[..., 2].mean(axis=-1)
        order = depth.argsort()
        colors = COLORS[persons % len(COLORS), self.sides[self.bones[bones, 0]]]
        return ends[order, :, :2], colors[order], self.thickness(depth[order])

    def dots(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Joints of the drawn frame ``index``: (P, 2) places, (P,) colours."""
        persons, joints = np.nonzero(self.visible[:, index])
        return self.points[persons, index, joints, :2], COLORS[persons % len(COLORS), self.sides[joints]]


def _scenes(
    clips: Sequence[np.ndarray],
    titles: Sequence[str],
    layout: SkeletonLayout,
    turn: float,
    up: str | None,
    frames: int | None = None,
) -> list[Scene]:
    arrays, ups = upright_clips(clips, titles, layout, up)
    sides = joint_sides(layout)
    bones = np.array(layout.bones, int).reshape(-1, 2)
    scenes = []
    for array, axis in zip(arrays, ups, strict=True):
        length = array.shape[1]
        kept = np.unique(np.linspace(0, length - 1, min(frames or length, length)).round().astype(int))
        picked = array[:, kept]
        points = project(picked, axis, turn)
        scenes.append(Scene(kept, points, visible_joints(picked, layout), bones, sides))
    return scenes


def _span(scenes: Sequence[Scene]) -> tuple[float, float]:
    """Width and height in metres that hold any scene, neither side longer than twice the other."""
    width, height = np.max([scene.center_and_size()[1] for scene in scenes], axis=0) * MARGIN
    longest = max(width, height) or 1.0
    return float(max(width, longest / 2)), float(max(height, longest / 2))


def _wrapped(title: str, width: float) -> list[str]:
    return textwrap.wrap(title, max(int(width * CHARACTERS_AN_INCH), 8)) or ['']


def _add_panel(figure: Figure, box: tuple[float, ...], middle: Iterable[float], span: tuple[float, float]) -> Axes:
    """Adds axes that show ``span`` metres about ``middle``; ``box`` is left, bottom, width, height in inches."""
    axes = figure.add_axes(tuple(np.array(box) / np.tile(figure.get_size_inches(), 2)))
    (x, y), (width, height) = middle, span
    axes.set(xlim=(x - width / 2, x + width / 2), ylim=(y - height / 2, y + height / 2), aspect='equal')
    axes.set(xticks=[], yticks=[], facecolor=PANEL_COLOR)
    axes.spines[:].set_color('w')
    axes.spines[:].set_linewidth(2)
    return axes


def _draw(axes: Axes, scene: Scene, index: int) -> None:
    ends, colors, widths = scene.lines(index)
    axes.add_collection(LineCollection(list(ends), colors=colors, linewidths=widths, capstyle='round'), autolim=False)
    places, dot_colors = scene.dots(index)
    axes.scatter(places[:, 0], places[:, 1], s=5, c=dot_colors, linewidths=0, zorder=3)


def _add_legend(figure: Figure, scenes: Sequence[Scene]) -> None:
    persons = np.unique([m for scene in scenes for m in np.nonzero(scene.visible.any(axis=(1, 2)))[0]])
    has_sides = (scenes[0].sides != MIDDLE).any()
    words = ((LEFT, ' left'), (RIGHT, ' right')) if has_sides else ((MIDDLE, ''),)
    handles = [
        Line2D([], [], color=COLORS[m % len(COLORS), side], linewidth=2, label=f'person {m + 1}{word}')
        for m in persons.astype(int)
        for side, word in words
    ]
    if handles:
        figure.legend(handles=handles, loc='lower left', ncols=len(handles), fontsize=7, frameon=False)


def _render(
    scenes: Sequence[Scene], titles: Sequence[str], span: tuple[float, float], size: float
) -> list[Image.Image]:
    """The frames of the animation as RGB images."""
    width = max(size * span[0] / span[1], 1.6)
    lines = [_wrapped(title, width) for title in titles]
    header = TITLE_HEIGHT * (max(len(wrapped) for wrapped in lines) + 0.5)
    figure = Figure(figsize=(width * len(scenes), header + size), dpi=DPI)
    canvas = FigureCanvasAgg(figure)
    panels = []
    for column, (scene, wrapped) in enumerate(zip(scenes, lines, strict=True)):
        box = (column * width, 0, width, size)
        axes = _add_panel(figure, box, scene.center_and_size()[0], span)
        figure.text(
            (column + 0.5) / len(scenes),
            1 - 0.05 / (header + size),
            '\n'.join(wrapped),
            ha='center',
            va='top',
            fontsize=9,
        )
        panels.append(axes)
    length = max(scene.num_frames for scene in scenes)
    images = []
    for step in range(length):
        for axes, scene in zip(panels, scenes, strict=True):
            while axes.collections:
                axes.collections[0].remove()
            _draw(axes, scene, step * scene.num_frames // length)
        canvas.draw()
        images.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy()))
    return images
