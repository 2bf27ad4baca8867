"""What tools/train.py and tools/test.py share: from arguments to a run."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.config import Config, DictAction
from mmengine.runner import Runner

from mmskelssl.utils.errors import CheckpointError, ClipError, StoreError


def add_run_arguments(parser: argparse.ArgumentParser, checkpoint: bool = False) -> None:
    """Adds the arguments of every run.

    Args:
        parser: To add to.
        checkpoint: Whether a checkpoint follows the config.
    """
    parser.add_argument('config', help='config file')
    if checkpoint:
        parser.add_argument('checkpoint', help="checkpoint file, or 'none' for the freshly initialized model")
    parser.add_argument('--work-dir', help='folder of logs and checkpoints; default: work_dirs/<name of the config>')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='overrides of config keys, such as model.queue_size=1024 or optim_wrapper.optimizer.lr=0.1',
    )
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='how processes were started'
    )
    # torch.distributed.launch passes it; torchrun sets the environment variable.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def load_config(args: argparse.Namespace) -> Config:
    """The config with the arguments of :func:`add_run_arguments` merged in."""
    cfg = Config.fromfile(args.config)
    cfg.launcher = args.launcher
    if args.cfg_options:
        cfg.merge_from_dict(args.cfg_options)
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(Path('work_dirs') / Path(args.config).stem)
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return cfg


def run_config(config: Callable[[], Config], method: str) -> int:
    """Builds a runner and calls it, turning users' mistakes into one line on standard error.

    Args:
        config: Makes the config.
        method: ``train`` or ``test``.

    Returns:
        Exit status: 0, or 1 after a mistake.
    """
    try:
        cfg = config()
        _init_cpu_processes(cfg)
        getattr(Runner.from_cfg(cfg), method)()
    except (CheckpointError, ClipError, StoreError, FileNotFoundError, KeyError, TypeError, ValueError) as error:
        if os.environ.get('MMSKELSSL_TRACEBACK'):
            raise
        message = error.args[0] if isinstance(error, KeyError) and error.args else error
        print(f'error: {message}\n(set MMSKELSSL_TRACEBACK=1 to see where it comes from)', file=sys.stderr)
        return 1
    return 0


def _init_cpu_processes(cfg: Config) -> None:
    """Joins the processes by gloo on machines without a GPU, where MMEngine would look for one."""
    if cfg.launcher == 'pytorch' and not torch.cuda.is_available():
        torch.distributed.init_process_group('gloo')
