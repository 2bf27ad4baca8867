"""Converts the arrays of CMD, MMCV, ISC and 2s-AGCN, or of CrosSCLR and AimCLR, into a clip store."""

import argparse
import sys

from mmskelssl.cli.conversion import add_conversion_arguments, run_conversion
from mmskelssl.converters.annotation import read_classes, read_layout
from mmskelssl.converters.official_arrays import OfficialArraysReader


def open_reader(args: argparse.Namespace) -> OfficialArraysReader:
    classes = args.classes and read_classes(args.classes)
    return OfficialArraysReader(args.src, read_layout(args.layout), classes, args.split)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('src', help='folder of train_data_joint.npy or train_position.npy, train_label.pkl, and val')
    add_conversion_arguments(parser)
    parser.add_argument('--layout', default='ntu25', help='name of a layout, or a JSON file of one (default: ntu25)')
    parser.add_argument('--classes', help='file of names of the classes, one per line, in the order of the labels')
    parser.add_argument('--split', help='name of the split, such as xsub; default: that of the folder')
    return run_conversion(open_reader, parser.parse_args())


if __name__ == '__main__':
    sys.exit(main())
