"""The converters of ``tools/dataset_converters/``: from arguments to a store and its report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmskelssl.cli.exit_status import exit_status
from mmskelssl.converters import (
    NpyFolderReader,
    NTUReader,
    NWUCLAReader,
    OfficialArraysReader,
    PKUMMDReader,
    PysklReader,
    Reader,
    SBUReader,
    SHREC17Reader,
    SyntheticReader,
    UTDMHADReader,
)
from mmskelssl.converters.annotation import read_classes, read_layout
from mmskelssl.converters.convert import convert
from mmskelssl.converters.ntu import BODY_SELECTIONS, DATASETS
from mmskelssl.converters.pku_mmd import PHASES, RANGES
from mmskelssl.converters.pyskl import THIRD
from mmskelssl.converters.shrec17 import CLASSES
from mmskelssl.converters.synthetic.raw_files import write_ntu, write_pku
from mmskelssl.datasets.clip_store import DTYPES, ClipStore
from mmskelssl.utils.errors import ClipError, StoreError
from mmskelssl.visualization import plot_histograms, save_figure

FIGURE_FILE = 'conversion.png'


@dataclass(frozen=True)
class Converter:
    """What is special about the converter of one format.

    Args:
        converts: What it does, in a sentence.
        src: What its input is; empty if it has none.
        open: Makes the reader of parsed arguments.
        options: Arguments of the parser for each of its options.
        many: Whether there may be several inputs.
        also: Option to what writes the reader's clips in another form, into the folder that the option names.
    """

    converts: str
    src: str
    open: Callable[[argparse.Namespace], Reader]
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    many: bool = False
    also: dict[str, Callable[[Any, Path], None]] = field(default_factory=dict)


def _classes(args: argparse.Namespace) -> list[str] | None:
    return args.classes and read_classes(args.classes)


_NAMES = dict(help='file of names of the classes, one per line, in the order of the labels')
_LAYOUT = 'name of a layout, or a JSON file of one; default: '

CONVERTERS = dict(
    ntu=Converter(
        'Converts NTU RGB+D 60 or 120, from a folder of .skeleton files or straight from zip archives.',
        'folders and zip archives, such as nturgbd_skeletons_s001_to_s017.zip and nturgbd_skeletons_s018_to_s032.zip',
        lambda args: NTUReader(args.src, DATASETS.get(args.dataset), args.bodies),
        {
            '--dataset': dict(choices=DATASETS, help='default: ntu120 if there is a setup above 17, else ntu60'),
            '--bodies': dict(
                choices=BODY_SELECTIONS,
                default='energy',
                help='which two bodies are the persons: those with most energy of the first four (ISC, CMD, MMCV), the '
                'first as listed (CrosSCLR), or those that move, without furniture (CTR-GCN, MAMP) (default: '
                '%(default)s)',
            ),
        },
        many=True,
    ),
    pku_mmd=Converter(
        'Converts PKU-MMD, phase I or II.',
        'folders and zip archives of recordings, labels and splits',
        lambda args: PKUMMDReader(args.src, args.phase, args.ranges),
        {
            '--phase': dict(type=int, choices=PHASES, default=2, help='default: %(default)s'),
            '--ranges': dict(
                choices=RANGES,
                default='half-open',
                help='how labels count frames: half-open, from 0 without the end (CMD), or inclusive, from 1 with the '
                'end (AimCLR); default: %(default)s',
            ),
        },
        many=True,
    ),
    nw_ucla=Converter(
        'Converts NW-UCLA.', 'the archive all_sqe.tar.gz, or its unpacked folder', lambda args: NWUCLAReader(args.src)
    ),
    utd_mhad=Converter(
        'Converts the skeletons of UTD-MHAD.',
        'the archive of the skeletons (zip or tar), or its unpacked folder',
        lambda args: UTDMHADReader(args.src),
    ),
    sbu=Converter(
        'Converts SBU Kinect Interaction.',
        'archives (zip or tar) or folders, with sXXsYY/CC/NNN/skeleton_pos.txt',
        lambda args: SBUReader(args.src),
        many=True,
    ),
    shrec17=Converter(
        "Converts the hand gestures of SHREC'17.",
        'the archive (zip or tar), or its unpacked folder',
        lambda args: SHREC17Reader(args.src, args.classes),
        {
            '--classes': dict(
                type=int,
                choices=CLASSES,
                default=14,
                help='14 gestures, or 28: each with one finger and with the whole hand (default: %(default)s)',
            )
        },
    ),
    pyskl=Converter(
        'Converts a pickle of PYSKL or MMAction2, of skeletons in space or of keypoints in images.',
        'the pickle, such as ntu60_3danno.pkl or ntu60_hrnet.pkl',
        lambda args: PysklReader(args.src, args.layout and read_layout(args.layout), _classes(args), args.third),
        {
            '--layout': dict(help=f'{_LAYOUT}by the number of joints'),
            '--classes': _NAMES,
            '--third': dict(
                choices=THIRD,
                default='score',
                help='third coordinate of keypoints in images (default: %(default)s)',
            ),
        },
    ),
    official_arrays=Converter(
        'Converts the arrays of CMD, MMCV, ISC and 2s-AGCN, or of CrosSCLR and AimCLR.',
        'folder of train_data_joint.npy or train_position.npy, train_label.pkl, and val',
        lambda args: OfficialArraysReader(args.src, read_layout(args.layout), _classes(args), args.split),
        {
            '--layout': dict(default='ntu25', help=f'{_LAYOUT}%(default)s'),
            '--classes': _NAMES,
            '--split': dict(help='name of the split, such as xsub; default: that of the folder'),
        },
    ),
    npy_folder=Converter(
        'Converts your own data, a folder of .npy files with a table clips.csv.',
        'the folder',
        lambda args: NpyFolderReader(
            args.src, read_layout(args.layout or str(Path(args.src, 'layout.json'))), _classes(args)
        ),
        {'--layout': dict(help=f'{_LAYOUT}layout.json in the folder'), '--classes': _NAMES},
    ),
    synthetic=Converter(
        'Makes the synthetic data set.',
        '',
        lambda args: SyntheticReader(args.num_clips, args.seed),
        {
            '--num-clips': dict(type=int, default=2000, help='clips to make (default: %(default)s)'),
            '--seed': dict(type=int, default=0, help='another seed is another data set (default: %(default)s)'),
            '--raw-ntu': dict(type=Path, metavar='DIR', help='also write every clip as DIR/NAME.skeleton'),
            '--raw-pku': dict(type=Path, metavar='DIR', help="also write them as PKU-MMD II's files"),
        },
        also=dict(raw_ntu=write_ntu, raw_pku=write_pku),
    ),
)


def main(name: str) -> int:
    """A converter of ``tools/dataset_converters/``; gives the exit status."""
    converter = CONVERTERS[name]
    parser = argparse.ArgumentParser(description=f'{converter.converts} The result is a clip store.')
    if converter.src:
        parser.add_argument('src', nargs='+' if converter.many else None, help=converter.src)
    add_conversion_arguments(parser)
    for flag, arguments in converter.options.items():
        parser.add_argument(flag, **arguments)
    args = parser.parse_args()
    return exit_status(lambda: _run(converter, args))


def _run(converter: Converter, args: argparse.Namespace) -> int:
    status = run_conversion(converter.open, args)
    for option, write in converter.also.items():
        if status == 0 and (folder := getattr(args, option)):
            write(converter.open(args), folder)
            print(f'raw files: {folder}')
    return status


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


def run_conversion(open_reader: Callable[[argparse.Namespace], Reader], args: argparse.Namespace) -> int:
    """Converts, reports, and gives the exit status: 1 when there is no store; 130 when Ctrl-C interrupted."""
    try:
        reader = open_reader(args)
        report = convert(reader, args.out, args.dtype, args.overwrite, args.strict, args.workers)
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
    for split, expected in reader.split_sizes.items():
        if report.splits.get(split) != expected:
            print(f'warning: partial data set: split {split} has {report.splits.get(split, 0)} clips, '
                  f'the published set {expected}.', file=sys.stderr)  # fmt: skip
    print(f'histograms: {figure}')
    print(f'store: {args.out}')
    return 0
