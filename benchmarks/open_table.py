"""The tables of ``open_data.py``: read from its folder, written in Markdown, and with figures as a page."""

from __future__ import annotations

import html
import io
import json
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from mmskelssl.evaluation.results import REPORT_FILE, Statistic, load_report
from mmskelssl.utils.files import written_beside

COLUMNS = {
    'knn': 'KNN',
    'linear-fast': 'linear',
    'logistic': 'logistic',
    'finetune-augmented': 'fine-tuned',
    'semi10-augmented': 'semi 10 %',
}
BATCH_SIZE = 32
RESULTS = '## Results'
ROW_FILE = 'row.json'
RAW, RANDOM, SUPERVISED = 'raw coordinates', 'random encoder', 'supervised'
_SIGNS = {RAW: '↓raw', RANDOM: '↓random', SUPERVISED: '↓random'}
_NOTE = """Top-1 in percent on the test side, last epoch; mean ± sample deviation over seeds of pre-training, and over
folds where a set has several. `↓raw`, `↓random`: the mean lies below that of raw coordinates, or of the same encoder
and stream that begins at random. `–`: not run. Minutes are those of the steps of one pre-training."""

_STYLE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>The open benchmark</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; color: #222 }
table { border-collapse: collapse; display: block; overflow-x: auto; font-size: 13px }
td, th { padding: 0.2em 0.7em; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap }
td:nth-child(-n+3), th:nth-child(-n+3) { text-align: left }
svg { max-width: 100%; height: auto }
</style>"""


@dataclass
class Row:
    """What was measured of one method on one set.

    Args:
        method: Its name.
        encoder: Likewise.
        stream: Whose numbers these are.
        parameters: Of the encoder.
        minutes: Of pre-training, one for each seed and fold.
        top1: Protocol to the fold and seed of each result and its top-1.
    """

    method: str
    encoder: str = ''
    stream: str = ''
    parameters: float = 0
    minutes: list[float] = field(default_factory=list)
    top1: dict[str, dict[tuple[str, str], float]] = field(default_factory=lambda: defaultdict(dict))

    @property
    def is_reference(self) -> bool:
        """Whether it is what methods have to beat."""
        return self.method in _SIGNS

    @property
    def name(self) -> str:
        """Method, stream and encoder."""
        return ', '.join(filter(None, (self.method, self.stream, self.encoder)))

    def statistic(self, protocol: str) -> Statistic | None:
        """Over seeds and folds."""
        values = list(self.top1.get(protocol, {}).values())
        return Statistic(values) if values else None


@dataclass(frozen=True)
class OpenTable:
    """Rows by set, references first.

    Args:
        rows: Set to rows.
        machines: On which they were measured.
    """

    rows: dict[str, list[Row]]
    machines: list[str]

    @classmethod
    def read(cls, root: Path, sets: Mapping[str, Sequence[str]]) -> OpenTable:
        """What a folder of ``open_data.py`` holds: ``{config of the set}/{run}@{stream}/seed{n}/evaluation``.

        Args:
            root: The folder.
            sets: Name to the configs of its folds.
        """
        rows, machines = {}, set()
        for name, folds in sets.items():
            found: dict[tuple[str, str, str], Row] = {}
            for path in sorted(p for fold in folds for p in (root / fold).glob('*/seed*/evaluation')):
                if (path / REPORT_FILE).exists():
                    machines.add(_add(found, path))
            if found:
                rows[name] = sorted(found.values(), key=lambda row: [*_SIGNS, row.method].index(row.method))
        return cls(rows, sorted(machines))

    def protocols(self, data: str) -> list[str]:
        """Those with a result on a set."""
        return [name for name in COLUMNS if any(row.statistic(name) for row in self.rows[data])]

    def rivals(self, data: str, row: Row) -> Iterator[tuple[str, Row]]:
        """The references of a row and the signs of what lies below them."""
        for other in self.rows[data]:
            same = (other.encoder, other.stream) == (row.encoder, row.stream)
            if not row.is_reference and other.is_reference and (same or other.method == RAW):
                yield _SIGNS[other.method], other

    def cell(self, data: str, row: Row, protocol: str) -> str:
        """Mean ± deviation, and the signs of what it lies below."""
        own = row.statistic(protocol)
        if own is None:
            return '–'
        below = [
            sign
            for sign, other in self.rivals(data, row)
            if (theirs := other.statistic(protocol)) and own.mean < theirs.mean
        ]
        return ' '.join([str(own), *below])


def _add(rows: dict[tuple[str, str, str], Row], path: Path) -> str:
    """Adds a report to the rows of its set, and gives its machine."""
    report, seed, fold = load_report(path), path.parent.name, path.parents[2].name
    described = json.loads((path.parent / ROW_FILE).read_text(encoding='utf-8'))
    for result in report.results:
        is_supervised = described['method'] == RANDOM and result.card.trained == 'all'
        named = dict(described, method=SUPERVISED) if is_supervised else described
        row = rows.setdefault(tuple(named.values()), Row(**named, parameters=report.cost['parameters']))
        row.top1[result.protocol][fold, seed] = result.metrics['top1'].mean
    if 'minutes' in report.cost:
        rows[tuple(described.values())].minutes.append(report.cost['minutes'])
    return report.machine


def describe_row(path: Path, method: str, encoder: str, stream: str) -> None:
    """Writes beside an evaluation whose it is."""
    path.mkdir(parents=True, exist_ok=True)
    with written_beside(path / ROW_FILE) as beside:
        beside.write_text(json.dumps(dict(method=method, encoder=encoder, stream=stream)), encoding='utf-8')


def write_page(table: OpenTable, path: Path, steps: int) -> None:
    """Writes the results into a page of text, below what others wrote there, and a page with figures beside it.

    Args:
        table: The results.
        path: The text; its part from ``## Results`` on is replaced. The other page ends in ``.html``.
        steps: The budget.
    """
    known = path.read_text(encoding='utf-8') if path.exists() else '# The open benchmark\n\n'
    facts = f'{steps:,} steps of {BATCH_SIZE} clips. {"; ".join(table.machines)}. [Figures]({path.stem}.html).'
    blocks = [known.partition(RESULTS)[0] + RESULTS, f'{facts} {_NOTE}', *(_block(table, data) for data in table.rows)]
    _write(path, '\n\n'.join(blocks) + '\n')
    _write(path.with_suffix('.html'), _html(table, facts))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_beside(path) as beside:
        beside.write_text(text, encoding='utf-8')


def _cells(table: OpenTable, data: str) -> list[list[str]]:
    """Heads and rows of a set."""
    heads = ['', 'encoder', 'stream', 'parameters', 'minutes', *(COLUMNS[name] for name in COLUMNS), 'runs']
    lines = [
        [
            row.method,
            row.encoder,
            row.stream,
            f'{row.parameters:,.0f}' if row.parameters else '–',
            f'{statistics.fmean(row.minutes):.1f}' if row.minutes else '–',
            *(table.cell(data, row, name) for name in COLUMNS),
            str(max(map(len, row.top1.values()))),
        ]
        for row in table.rows[data]
    ]
    return [heads, *lines]


def _block(table: OpenTable, data: str) -> str:
    heads, *lines = _cells(table, data)
    return '\n'.join(
        [f'### {data}', '', *('| ' + ' | '.join(line) + ' |' for line in (heads, ['---'] * len(heads), *lines))]
    )


def _html(table: OpenTable, facts: str) -> str:
    parts = [
        _STYLE,
        '<h1>The open benchmark</h1>',
        f'<p>{html.escape(facts.rpartition(" [")[0])} {html.escape(_NOTE)}</p>',
    ]
    for data in table.rows:
        heads, *lines = _cells(table, data)
        rows = [''.join(f'<td>{html.escape(cell)}</td>' for cell in line) for line in lines]
        parts += [
            f'<h2>{html.escape(data)}</h2>',
            figure_svg(table, data),
            '<table><tr>' + ''.join(f'<th>{html.escape(head)}</th>' for head in heads) + '</tr>',
            *(f'<tr>{row}</tr>' for row in rows),
            '</table>',
        ]
    return '\n'.join(parts) + '\n'


def figure_svg(table: OpenTable, data: str) -> str:
    """A panel for each protocol: a dot with its deviation for each row; lines where raw coordinates lie."""
    rows, protocols = table.rows[data][::-1], table.protocols(data)
    figure = Figure(figsize=(2.5 + 2.6 * len(protocols), 1.2 + 0.28 * len(rows)), layout='constrained')
    panels = figure.subplots(1, len(protocols), sharey=True, squeeze=False)[0]
    for panel, protocol in zip(panels, protocols, strict=True):
        for place, row in enumerate(rows):
            if own := row.statistic(protocol):
                color = '0.5' if row.is_reference else 'C0'
                panel.errorbar(own.mean, place, xerr=own.std or 0, fmt='o', color=color, markersize=4, capsize=2)
            if own and row.method == RAW:
                panel.axvline(own.mean, color='0.5', linewidth=0.8, linestyle='--')
        panel.set_title(COLUMNS[protocol], fontsize=9)
        panel.grid(axis='x', alpha=0.3)
        panel.spines[['top', 'right']].set_visible(False)
    panels[0].set_yticks(range(len(rows)), [row.name for row in rows], fontsize=8)
    figure.supxlabel('top-1 (%)', fontsize=9)
    out = io.StringIO()
    # Words stay words, and the same numbers make the same file.
    with matplotlib.rc_context({'svg.fonttype': 'none', 'svg.hashsalt': data}):
        figure.savefig(out, format='svg', metadata=dict(Date=None))
    return out.getvalue()[out.getvalue().index('<svg') :]
