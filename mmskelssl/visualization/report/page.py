"""A report as one HTML page that needs no network."""

from __future__ import annotations

import html
import os
import re
from dataclasses import asdict
from pathlib import Path
from string import Template

from mmskelssl.datasets.layouts import get_layout
from mmskelssl.evaluation.results import EvaluationReport
from mmskelssl.utils.files import written_beside
from mmskelssl.visualization.player import encode_skeleton, player_assets, script_json
from mmskelssl.visualization.report.clips import PlayableClips
from mmskelssl.visualization.report.figures import embeddings, outcomes, retrievals
from mmskelssl.visualization.report.tables import headline, protocol_rows

_ASSETS = Path(__file__).parent / 'assets'
# Title and the names of its curves in the log.
_DIAGRAMS = (
    ('Loss', 'loss'),
    ('Accuracy on the test side (%)', '^(knn|accuracy)/'),
    ('Spread of embeddings', '_spread$'),
    ('Effective rank of embeddings', '_rank$'),
    ('True ones among the nearest in the bank (share)', '_true_neighbours$'),
)


def write_html(report: EvaluationReport, path: str | os.PathLike) -> None:
    """Writes ``report.html``; features and predictions are looked for beside it.

    Args:
        report: What was measured.
        path: The file; it appears whole or not at all.

    Raises:
        ReportError: If features or predictions that the report names are missing or damaged.
    """
    path = Path(path)
    style, script, page = (
        (_ASSETS / name).read_text(encoding='utf-8') for name in ('page.css', 'page.js', 'page.html')
    )
    text = Template(page).substitute(
        title=html.escape(f'{report.method} on {report.data.dataset}'),
        player=player_assets(),
        style=style,
        script=script,
        data=script_json(page_data(report, path.parent)),
    )
    with written_beside(path) as beside:
        beside.write_text(text, encoding='utf-8')


def page_data(report: EvaluationReport, folder: Path) -> dict:
    """What the page's script draws, as plain data."""
    clips = PlayableClips(report.data)
    # The page holds only so many clips, so what needs few comes first. Confusions prefer those that are there already.
    drawn = dict(retrievals=retrievals(report, folder, clips), embeddings=embeddings(report, folder, clips))
    drawn['outcomes'] = outcomes(report, folder, clips)
    return dict(
        drawn,
        facts=headline(report),
        protocols=[asdict(row) for row in protocol_rows(report)],
        curves=_charts(report.curves),
        classes=report.data.classes,
        skeleton=encode_skeleton(get_layout(report.data.layout)),
        clips=clips.encode(),
        missing=clips.missing,
    )


def _charts(curves: dict[str, list[list[float]]]) -> list[dict]:
    """Curves of one scale in one diagram each; a part that is all of the loss is left out."""
    charts: dict[str, dict[str, list[list[float]]]] = {title: {} for title, _ in _DIAGRAMS}
    for name, points in curves.items():
        title = next((title for title, pattern in _DIAGRAMS if re.search(pattern, name)), None)
        if title and points not in charts[title].values():
            charts[title][name] = points
    return [
        dict(title=title, series=series, low=None if title == 'Loss' else 0)
        for title, series in charts.items()
        if series
    ]
