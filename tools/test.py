"""Tests a checkpoint: a pre-trained one by KNN, a classifier by its accuracy."""

import argparse
import sys

from mmengine.config import Config

from mmskelssl.cli.config_check import checked
from mmskelssl.cli.launch import add_run_arguments, load_config, run_config
from mmskelssl.utils import register_all_modules


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    add_run_arguments(parser)
    parser.add_argument('checkpoint', help="checkpoint file, or 'none' for the freshly initialized model")
    args = parser.parse_args()
    register_all_modules()

    def config() -> Config:
        cfg = checked(load_config(args))
        cfg.load_from = None if args.checkpoint == 'none' else args.checkpoint
        return cfg

    return run_config(config, 'test')


if __name__ == '__main__':
    sys.exit(main())
