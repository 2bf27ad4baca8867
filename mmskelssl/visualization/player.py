"""Skeleton clips as players in HTML pages that need no network: play, scrub, turn.

A page that plays clips holds :func:`player_assets` once in its head, :func:`encode_skeleton` once a layout, and
:func:`encode_clip` once per clip; its scripts then write::

    const player = new SkeletonPlayer(element, skeleton);
    player.load(clip);    // as often as wanted
    player.play();

``player.js`` lists the rest of the interface. :func:`player_page` makes a whole page of some clips.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.utils.errors import UserError
from mmskelssl.visualization.projection import project, upright_clips, visible_joints
from mmskelssl.visualization.skeleton import COLORS, joint_sides

# Coordinates are counted in steps of which the farthest joint has this many; an absent joint has ABSENT for its x.
_STEPS = 32767
_ABSENT = -32768

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
{assets}
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 12px; background: light-dark(#fafafa, #14181f); }}
main {{ display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(min(300px, 100%), 1fr)); }}
main > div {{ max-width: 900px; }}
</style>
</head>
<body>
<main></main>
<script>
const skeleton = {skeleton};
const clips = {clips};
const players = clips.map((clip) => {{
  const element = document.querySelector('main').appendChild(document.createElement('div'));
  const player = new SkeletonPlayer(element, skeleton);
  player.load(clip);
  return player;
}});
players.forEach((player) => player.play());
</script>
</body>
</html>
"""


def player_page(
    clips: Sequence[np.ndarray], titles: Sequence[str], layout: SkeletonLayout, fps: float = 30, up: str | None = None
) -> str:
    """Makes a self-contained HTML page with one player per clip.

    Args:
        clips: (M, T, V, C) coordinates each, C 2 or 3; M and T may differ.
        titles: One title per clip.
        layout: Layout of the V joints.
        fps: Frames per second at normal speed.
        up: The axis that points up, such as ``+y``; found for each clip where it is not given.

    Raises:
        UserError: If a clip does not fit the layout, titles and clips differ in number, or ``fps`` is not positive.

    Examples:
        >>> from mmskelssl.datasets import get_layout
        >>> page = player_page([np.zeros((1, 40, 25, 3))], ['still'], get_layout('ntu25'))
        >>> Path('clip.html').write_text(page, encoding='utf-8') == len(page)
        True
    """
    return _PAGE.format(
        title=html.escape(', '.join(titles)),
        assets=player_assets(),
        skeleton=script_json(encode_skeleton(layout)),
        clips=script_json(encode_clips(clips, titles, layout, fps, up)),
    )


def player_assets() -> str:
    """The ``<style>`` and ``<script>`` elements that define ``SkeletonPlayer``, for the head of a page."""
    folder = Path(__file__).parent
    style, script = ((folder / name).read_text(encoding='utf-8') for name in ('player.css', 'player.js'))
    return f'<style>\n{style}</style>\n<script>\n{script}</script>'


def encode_skeleton(layout: SkeletonLayout) -> dict:
    """What ``new SkeletonPlayer(element, skeleton)`` takes, as plain data for JSON."""
    return dict(bones=layout.bones, sides=joint_sides(layout).tolist(), colors=COLORS.tolist())


def encode_clip(clip: np.ndarray, title: str, layout: SkeletonLayout, fps: float = 30, up: str | None = None) -> dict:
    """What ``player.load(clip)`` takes; see :func:`encode_clips`."""
    return encode_clips([clip], [title], layout, fps, up)[0]


def encode_clips(
    clips: Sequence[np.ndarray], titles: Sequence[str], layout: SkeletonLayout, fps: float = 30, up: str | None = None
) -> list[dict]:
    """Clips as plain data for JSON: 8 bytes per joint and frame, exact to 1/32,767 of the clip's extent.

    Args:
        clips: As for :func:`player_page`.
        titles: One title per clip.
        layout: Layout of the V joints.
        fps: Frames per second at normal speed.
        up: The axis that points up, such as ``+y``; found for each clip where it is not given.

    Returns:
        For each clip a dict for ``player.load``: ``title``, ``fps``, ``shape`` (M, T, V), and in ``data`` the base64 of
        (M, T, V, 3) little-endian int16: right, up, and towards the reader, from the middle of the clip; an absent
        joint has -32768 for its first.

    Raises:
        UserError: If a clip does not fit the layout, titles and clips differ in number, or ``fps`` is not positive.
    """
    if not fps > 0:
        raise UserError(f'{fps} frames per second: a positive number is needed.')
    arrays, ups = upright_clips(clips, titles, layout, up)
    return [
        dict(title=str(title), fps=fps, shape=array.shape[:3], data=_encoded(array, layout, axis))
        for array, title, axis in zip(arrays, titles, ups, strict=True)
    ]


def _encoded(clip: np.ndarray, layout: SkeletonLayout, up: str) -> str:
    points, visible = project(clip, up), visible_joints(clip, layout)
    if visible.any():
        shown = points[visible]
        points = points - (shown.min(axis=0) + shown.max(axis=0)) / 2
        points = points / (np.abs(points[visible]).max() or 1.0)
    units = np.where(visible[..., None], points * _STEPS, 0).round().astype('<i2')
    units[~visible, 0] = _ABSENT
    return base64.b64encode(units.tobytes()).decode('ascii')


def script_json(value: object) -> str:
    """JSON that a ``<script>`` element can hold whatever text is in it."""
    return json.dumps(value).replace('<', '\\u003c')
