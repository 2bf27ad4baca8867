"""Trains a model: self-supervised pre-training or a downstream protocol, whatever the config says."""

import argparse
import sys

from mmengine.device import get_device

from mmskelssl.cli.config_check import checked
from mmskelssl.cli.dry_run import dry_run
from mmskelssl.cli.launch import add_run_arguments, exit_status, load_config, num_processes, run_config
from mmskelssl.utils import register_all_modules


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
        help='check config and files for a run of so many processes (default: 1), run one small iteration, and stop',
    )
    args = parser.parse_args()
    register_all_modules()
    if args.check is not None:
        return exit_status(lambda: dry_run(with_training_flags(load_config(args), args), args.check))
    return run_config(lambda: checked(with_training_flags(load_config(args), args), num_processes(args)), 'train')


def with_training_flags(cfg, args):
    if args.amp:
        if get_device() == 'cpu':
            cfg.optim_wrapper.update(type='BFloat16OptimWrapper')
        else:
            cfg.optim_wrapper.update(type='AmpOptimWrapper')
            cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise ValueError('--auto-scale-lr: the config does not say auto_scale_lr=dict(base_batch_size=...).')
        cfg.auto_scale_lr.enable = True
    if args.resume:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume
    return cfg


if __name__ == '__main__':
    sys.exit(main())
