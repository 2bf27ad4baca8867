"""Puts evaluation reports into one table: a row for each encoder, a column for each protocol.

Raw coordinates and the random encoder have rows too. A number below them is marked, as is an ensemble below its best
member. A number whose protocol card is unlike that of the first number in its column has a note that says what differs.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from mmskelssl.cli.exit_status import exit_status
from mmskelssl.evaluation.results import EvaluationReport, ProtocolCard, ProtocolResult, load_report, marks
from mmskelssl.utils.errors import ReportError
from mmskelssl.utils.files import written_beside


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('reports', nargs='+', type=Path, help='report.json of tools/evaluate.py, or its folder')
    parser.add_argument('--metric', default='top1', help='metric of the table (default: top1)')
    parser.add_argument('--out', type=Path, help='Markdown file to write the table to as well')
    args = parser.parse_args()
    return exit_status(lambda: compare(args.reports, args.metric, args.out))


def compare(paths: Sequence[Path], metric: str, out: Path | None) -> None:
    text = table([load_report(path) for path in paths], metric)
    if out is not None:
        with written_beside(out) as beside:
            beside.write_text(text + '\n', encoding='utf-8')
    print(text)


def table(reports: Sequence[EvaluationReport], metric: str = 'top1') -> str:
    """The comparison in Markdown."""
    results = [(report, result) for report in reports for result in _in_table(report) if metric in result.metrics]
    if not results:
        raise ReportError(f"No report has a metric '{metric}'.")
    protocols = list(dict.fromkeys(result.protocol for _, result in results))
    first = {result.protocol: result.card for _, result in reversed(results)}
    notes = [_note(result.protocol, first[result.protocol], result.card) for _, result in results]
    numbers = {note: number for number, note in enumerate(dict.fromkeys(filter(None, notes)), 1)}
    rows: dict[tuple, dict[str, str]] = {}
    meanings: list[str] = []
    for (report, result), note in zip(results, notes, strict=True):
        card = result.card
        weights = _short(card.weights).replace(' ', '+')
        owner = dict(method=card.method, modality=result.modality, data=card.dataset, weights=weights)
        is_reference = result in report.references
        # The same reference of several reports is one row.
        row = rows.setdefault(tuple(owner.values()) if is_reference else (id(report), result.modality), owner)
        found = [] if is_reference or metric != 'top1' else marks(report, result)
        meanings += [f'{card.method}, {result.protocol}, {result.modality}: {mark.sentence}' for mark in found]
        signs = [str(result.metrics[metric]), *(mark.sign for mark in found), *([f'[{numbers[note]}]'] if note else [])]
        row[result.protocol] = ' '.join(signs)
    heads = ['method', 'modality', 'data', 'weights', *protocols]
    lines = [heads, ['---'] * len(heads), *([row.get(head, '') for head in heads] for row in rows.values())]
    marked = [*dict.fromkeys(meanings), *(f'[{number}] {note}' for note, number in numbers.items())]
    return '\n'.join(['| ' + ' | '.join(line) + ' |' for line in lines] + [''] * bool(marked) + marked)


def _in_table(report: EvaluationReport) -> list[ProtocolResult]:
    return [*report.results, *report.references]


def _note(protocol: str, reference: ProtocolCard, card: ProtocolCard) -> str:
    unlike = [
        difference
        for name in reference.unlike(card)
        for difference in _differences(name, getattr(reference, name), getattr(card, name))
    ]
    return f'{protocol}: not comparable with the first number of its column: {"; ".join(unlike)}.' if unlike else ''


def _differences(name: str, reference: object, value: object) -> list[str]:
    """What differs, of a dict its entries alone."""
    if not isinstance(reference, dict) or not isinstance(value, dict):
        return [f'{name} is {_short(value)}, not {_short(reference)}']
    keys = [key for key in {**reference, **value} if reference.get(key) != value.get(key)]
    return [f'{name}.{key} is {_short(value.get(key))}, not {_short(reference.get(key))}' for key in keys]


def _short(value: object) -> str:
    """Digests by their first eight digits."""
    return re.sub(r'\b([0-9a-f]{8})[0-9a-f]{56}\b', r'\1', str(value) or 'none')


if __name__ == '__main__':
    sys.exit(main())
