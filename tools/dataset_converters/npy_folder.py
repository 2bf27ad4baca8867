"""Converts your own data, a folder of .npy files with a table clips.csv, into a clip store."""

import argparse
import sys
from pathlib import Path

from mmskelssl.cli.conversion import add_conversion_arguments, run_conversion
from mmskelssl.converters.annotation import read_classes, read_layout
from mmskelssl.converters.npy_folder import NpyFolderReader


def open_reader(args: argparse.Namespace) -> NpyFolderReader:
    layout = read_layout(args.layout or str(Path(args.src, 'layout.json')))
    return NpyFolderReader(args.src, layout, args.classes and read_classes(args.classes))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('src', help='the folder')
    add_conversion_arguments(parser)
    parser.add_argument('--layout', help='name of a layout, or a JSON file of one; default: layout.json in the folder')
    parser.add_argument('--classes', help='file of names of the classes, one per line, in the order of the labels')
    return run_conversion(open_reader, parser.parse_args())


if __name__ == '__main__':
    sys.exit(main())
