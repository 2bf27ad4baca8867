"""What the converters of ``tools/dataset_converters/`` share: from arguments to a store and its report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from mmskelssl.converters.base import Reader
from mmskelssl.converters.convert import convert
from mmskelssl.datasets.clip_store import DTYPES, ClipStore
from mmskelssl.utils.errors import ClipError, StoreError
from mmskelssl.visualization import plot_histograms, save_figure

FIGURE_FILE = 'conversion.png'


def add_conversion_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what every converter takes: the store to write, its precision, and what to do about bad clips."""
    parser.add_argument('out', help='folder of the new clip store')
    parser.add_argument('--dtype', choices=DTYPES, default='float32', help='precision of the stored coordinates')
    parser.add_argument('--overwrite', action='store_true', help='replace an existing store')
    parser.add_argument('--workers', type=_positive, default=1, metavar='N', help='processes that read (default: 1)')
    parser.add_argument('--strict', action='store_true', help='stop at the first unusable clip instead of skipping it')


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'{number} is not positive')
    return number


def run_conversion(
    open_reader: Callable[[argparse.Namespace], Reader],
    args: argparse.Namespace,
    expected_splits: Mapping[str, int] | None = None,
) -> int:
    """The body of a converter: converts, reports, and gives the exit status.

    Args:
        open_reader: Makes the reader from the arguments.
        args: Parsed arguments, those of :func:`add_conversion_arguments` among them.
        expected_splits: Sizes of the complete data set's splits, to say plainly when a set is partial.

    Returns:
        0; 1 when there is no store; 130 when the conversion was interrupted by Ctrl-C.
    """
    try:
        report = convert(open_reader(args), args.out, args.dtype, args.overwrite, args.strict, args.workers)
    except (ClipError, StoreError, FileExistsError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f'interrupted: nothing was written to {args.out}. Start the same command again.', file=sys.stderr)
        return 130
    figure = Path(args.out) / FIGURE_FILE
    store = ClipStore(args.out)
    save_figure(plot_histograms(store.num_frames, store.labels, store.classes, str(args.out)), figure)
    print(report)
    for warning in report.warnings:
        print(f'warning: {args.out}: {warning}', file=sys.stderr)
    for split, expected in (expected_splits or {}).items():
        if report.splits.get(split) != expected:
            print(f'warning: partial data set: split {split} has {report.splits.get(split, 0)} clips, '
                  f'the published set {expected}.', file=sys.stderr)  # fmt: skip
    print(f'histograms: {figure}')
    print(f'store: {args.out}')
    return 0
