"""Tests a checkpoint: a pre-trained one by KNN, a classifier by its accuracy."""

import argparse
import sys

from mmskelssl.cli.launch import add_run_arguments, load_config, run_config


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    add_run_arguments(parser)
    parser.add_argument('checkpoint', help="checkpoint file, or 'none' for the freshly initialized model")
    args = parser.parse_args()

    def config():
        cfg = load_config(args)
        cfg.load_from = None if args.checkpoint == 'none' else args.checkpoint
        return cfg

    return run_config(config, 'test')


if __name__ == '__main__':
    sys.exit(main())
