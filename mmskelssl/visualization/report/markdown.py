"""A report as Markdown."""

from __future__ import annotations

import os
from collections.abc import Sequence

from mmskelssl.evaluation.results import EvaluationReport, ProtocolResult
from mmskelssl.utils.files import written_beside
from mmskelssl.visualization.report.tables import ProtocolRow, confusions, headline, per_class, protocol_rows

MAX_CONFUSIONS = 10


def write_markdown(report: EvaluationReport, path: str | os.PathLike) -> None:
    """Writes ``report.md``: the table of protocols, classes and confusions, and the protocol cards.

    Args:
        report: What was measured.
        path: The file; it appears whole or not at all.
    """
    rows = protocol_rows(report)
    blocks = [
        f'# {report.method} on {report.data.dataset}',
        _table(['', ''], [[name, f'`{value}`'] for name, value in headline(report).items()]),
        'Percentages on the test side, of the last epoch; mean ± sample standard deviation over seeds or draws.',
        protocols_table(report),
        *(block for result in report.results for block in _classes(report, result)),
        '## Protocol cards',
        *(block for row in rows for block in _card(row)),
    ]
    with written_beside(path) as beside:
        beside.write_text('\n\n'.join(blocks) + '\n', encoding='utf-8')


def protocols_table(report: EvaluationReport) -> str:
    """The results, with what a reader has to know of them."""
    rows = protocol_rows(report)
    columns = {'protocol': [row.protocol for row in rows], 'modality': [row.modality for row in rows]}
    columns['top1'] = [row.marked for row in rows]
    if any(row.paper for row in rows):
        columns['paper: top1'] = [row.paper or '-' for row in rows]
    columns |= {'other metrics': [row.others for row in rows], 'runs': [str(row.runs) for row in rows]}
    remarks = [
        f'- {row.protocol}, {row.modality}: {remark}' for row in rows for remark in (*row.meanings, *row.remarks)
    ]
    table = _table(list(columns), list(zip(*columns.values(), strict=True)))
    return '\n'.join([table, *[''] * bool(remarks), *remarks])


def _classes(report: EvaluationReport, result: ProtocolResult) -> list[str]:
    lines = [[name, f'{accuracy:.1f}'] for name, accuracy in per_class(report, result)]
    blocks = [f'## {result.protocol}, {result.modality}: classes', _table(['class', 'accuracy'], lines)]
    if worst := confusions(report, result)[:MAX_CONFUSIONS]:
        lines = [[true, predicted, f'{percent:.1f}'] for true, predicted, percent in worst]
        blocks.append(_table(['true class', 'taken for', '% of its clips'], lines))
    return blocks


def _card(row: ProtocolRow) -> list[str]:
    lines = [[name.replace('_', ' '), value] for name, value in row.card.items()]
    return [f'### {row.protocol}, {row.modality}', _table(['', ''], lines)]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ['---'] * len(heads), *rows]
    # A bar inside a cell would end it.
    return '\n'.join('| ' + ' | '.join(cell.replace('|', '\\|') for cell in line) + ' |' for line in lines)
