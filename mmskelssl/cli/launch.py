"""Shared by tools/train.py and tools/test.py: from arguments to a run."""

from __future__ import annotations

import argparse
import atexit
import faulthandler
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed
from mmengine.config import Config
from mmengine.dist import get_world_size, init_dist, is_distributed, is_main_process

from mmskelssl.cli.config_warnings import changed_settings, config_warnings
from mmskelssl.cli.exit_status import exit_status
from mmskelssl.engine.interruption import Interrupted, die_with_launcher
from mmskelssl.evaluation.zoo import find_config
from mmskelssl.registry import RUNNERS
from mmskelssl.utils.checkpoints import newest_whole_checkpoint
from mmskelssl.utils.config import add_config_arguments
from mmskelssl.utils.config import load_config as load_plain_config


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of every run."""
    add_config_arguments(parser)
    parser.add_argument('--work-dir', help='folder of logs and checkpoints; default: work_dirs/<name of the config>')
    add_launcher_argument(parser)


def add_launcher_argument(parser: argparse.ArgumentParser) -> None:
    """Adds ``--launcher``, which the scripts for several processes pass."""
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='how processes were started'
    )


def load_config(args: argparse.Namespace) -> Config:
    """The config with the arguments of :func:`add_run_arguments` merged in."""
    args.config = str(find_config(args.config))
    cfg = load_plain_config(args)
    cfg.launcher = args.launcher
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(Path('work_dirs') / Path(args.config).stem)
    return cfg


def run_config(config: Callable[[], Config], method: str) -> int:
    """Builds a runner and calls it.

    Args:
        config: Builds the config; it may raise errors of the user.
        method: Method of the runner: ``train`` or ``test``.

    Returns:
        Exit status: 0; 1 after an error; 75 if SIGTERM stopped the run, 130 if Ctrl-C did.
    """

    def run() -> None:
        cfg = config()
        if cfg.launcher != 'none':
            _set_up_processes(cfg)
        warnings = list(map(str, config_warnings(cfg, get_world_size()))) if method == 'train' else []
        if cfg.get('resume') and not cfg.get('load_from'):
            cfg.load_from = newest_whole_checkpoint(cfg.work_dir)
            cfg.resume = cfg.load_from is not None
            if not cfg.resume:
                warnings.append(f'{cfg.work_dir} has no checkpoint to resume from: training begins at the start')
        if cfg.get('resume'):
            warnings += [f'{cfg.load_from} is resumed with {x}' for x in changed_settings(cfg, cfg.load_from)]
        elif method == 'train' and any(Path(cfg.work_dir).glob('*.pth')):
            warnings.append(
                f'{cfg.work_dir} holds checkpoints of an earlier run; this run overwrites those of the same name. To '
                'go on with the earlier run, pass --resume; to keep both, another --work-dir.'
            )
        for warning in warnings if is_main_process() else ():
            print(f'warning: {warning}', file=sys.stderr)
        getattr(RUNNERS.build(cfg), method)()

    return run_together(run)


def run_together(action: Callable[[], None]) -> int:
    """Runs the body of a tool in this process, which may be one of several.

    Returns:
        Exit status: 0; 1 after a mistake or failure; 75 where SIGTERM and 130 where Ctrl-C stopped the run.
    """
    # If a mapped store is cut short, the process dies of SIGBUS; this prints where.
    if not faulthandler.is_enabled():
        faulthandler.enable()
    try:
        status = exit_status(action)
    except Interrupted as interruption:
        print(interruption, file=sys.stderr)
        return _leave_together(interruption.status, is_orderly=True)
    except Exception:
        if not is_distributed():
            raise
        traceback.print_exc()
        status = 1
    return _leave_together(status, is_orderly=not status)


def _leave_together(status: int, is_orderly: bool) -> int:
    """Ends a process of a distributed run; in a run of one process, gives back the status.

    After success all processes wait for each other. After a failure the others may be waiting for this one, so it
    leaves alone and the launcher stops them. Threads of the process group can abort an interpreter that ends in the
    usual way, so the process leaves by ``os._exit``.
    """
    if is_distributed():
        if is_orderly:
            torch.distributed.barrier()
            torch.distributed.destroy_process_group()
            atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status


def _set_up_processes(cfg: Config) -> None:
    """Chooses the model's wrapper and connects the processes."""
    wrapper = dict(
        type='mmskelssl.BatchSplitDataParallel', find_unused_parameters=cfg.get('find_unused_parameters', False)
    )
    cfg.model_wrapper_cfg = wrapper | cfg.get('model_wrapper_cfg', {})
    join_processes(cfg.launcher, **cfg.get('env_cfg', {}).get('dist_cfg', {}))


def join_processes(launcher: str, backend: str = 'nccl', **options: object) -> None:
    """Joins the processes that a launcher started.

    Args:
        launcher: ``pytorch``, ``slurm`` or ``mpi``.
        backend: Of the communication; always gloo where torchrun started processes without a GPU.
        **options: Of the process group.
    """
    die_with_launcher()
    if launcher == 'pytorch' and not torch.cuda.is_available():
        torch.distributed.init_process_group('gloo')
    else:
        init_dist(launcher, backend, **options)
