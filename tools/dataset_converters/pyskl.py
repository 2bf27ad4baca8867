"""Converts a pickle of PYSKL or MMAction2, of skeletons in space or of keypoints in images, into a clip store."""

import argparse
import sys

from mmskelssl.cli.conversion import add_conversion_arguments, run_conversion
from mmskelssl.converters.annotation import read_classes, read_layout
from mmskelssl.converters.pyskl import THIRD, PysklReader


def open_reader(args: argparse.Namespace) -> PysklReader:
    layout = args.layout and read_layout(args.layout)
    return PysklReader(args.src, layout, args.classes and read_classes(args.classes), args.third)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('src', help='the pickle, such as ntu60_3danno.pkl or ntu60_hrnet.pkl')
    add_conversion_arguments(parser)
    parser.add_argument('--layout', help='name of a layout, or a JSON file of one; default: by the number of joints')
    parser.add_argument('--classes', help='file of names of the classes, one per line, in the order of the labels')
    parser.add_argument('--third', choices=THIRD, default='score', help='third coordinate of keypoints in images '
                        '(default: %(default)s)')  # fmt: skip
    return run_conversion(open_reader, parser.parse_args())


if __name__ == '__main__':
    sys.exit(main())
