"""Trains a model: self-supervised pre-training or a downstream protocol, whatever the config says."""

import argparse
import sys

from mmengine.config import Config
from mmengine.device import get_device

from mmskelssl.cli.config_check import checked
from mmskelssl.cli.dry_run import dry_run
from mmskelssl.cli.exit_status import exit_status
from mmskelssl.cli.launch import add_run_arguments, load_config, run_config
from mmskelssl.utils import ConfigError, register_all_modules


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    add_run_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CKPT',
        help='resume from CKPT, or, without a value, from the newest checkpoint in the work directory',
    )
    parser.add_argument('--amp', action='store_true', help='mixed precision: float16 on a GPU, bfloat16 on a CPU')
    parser.add_argument(
        '--auto-scale-lr', action='store_true', help='scale the learning rate by total batch / auto_scale_lr.base_batch'
    )
    parser.add_argument(
        '--check',
        nargs='?',
        const=1,
        type=int,
        metavar='PROCESSES',
        help='check config and files for a run of that many processes (default: 1), run one small iteration, and stop',
    )
    args = parser.parse_args()
    register_all_modules()
    if args.check is not None:
        return exit_status(lambda: dry_run(training_config(args), args.check))
    return run_config(lambda: checked(training_config(args)), 'train')


def training_config(args: argparse.Namespace) -> Config:
    """The config with all arguments merged in."""
    cfg = load_config(args)
    if args.amp:
        if get_device() == 'cpu':
            cfg.optim_wrapper.update(type='BFloat16OptimWrapper')
        else:
            cfg.optim_wrapper.update(type='AmpOptimWrapper')
            cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.auto_scale_lr:
        if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
            raise ConfigError('--auto-scale-lr: the config needs auto_scale_lr=dict(base_batch_size=...).')
        cfg.auto_scale_lr.enable = True
    if args.resume:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume
    return cfg


if __name__ == '__main__':
    sys.exit(main())
