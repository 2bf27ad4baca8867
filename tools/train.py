"""Trains a model: self-supervised pre-training or a downstream protocol, whatever the config says."""

import argparse
import sys

from mmengine.device import get_device

from mmskelssl.apis.launch import add_run_arguments, load_config, run_config


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
    args = parser.parse_args()
    return run_config(lambda: with_training_flags(load_config(args), args), 'train')


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
