"""What tools/train.py and tools/test.py share: from arguments to a run."""

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
from mmengine.dist import init_dist, is_distributed

from mmskelssl.cli.config_check import changed_settings
from mmskelssl.registry import RUNNERS
from mmskelssl.utils.config import add_config_arguments
from mmskelssl.utils.config import load_config as load_plain_config
from mmskelssl.utils.interruption import Interrupted, die_with_launcher
from mmskelssl.utils.newest_checkpoint import newest_whole_checkpoint

_DEAD_WORKER = 'A loader worker died: killed, out of memory, or its store was cut short meanwhile.'


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
    cfg = load_plain_config(args)
    cfg.launcher = args.launcher
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(Path('work_dirs') / Path(args.config).stem)
    return cfg


def num_processes(args: argparse.Namespace) -> int:
    """How many processes the launcher started."""
    names = dict(pytorch='WORLD_SIZE', slurm='SLURM_NTASKS', mpi='OMPI_COMM_WORLD_SIZE')
    return int(os.environ.get(names.get(args.launcher, ''), 1))


def run_config(config: Callable[[], Config], method: str) -> int:
    """Builds a runner and calls it.

    Args:
        config: Makes the config.
        method: ``train`` or ``test``.

    Returns:
        Exit status: 0; 1 after a mistake or failure; 75 where SIGTERM and 130 where Ctrl-C stopped the run.
    """

    def run() -> None:
        cfg = config()
        if cfg.launcher != 'none':
            _set_up_processes(cfg)
        if cfg.get('resume') and not cfg.get('load_from'):
            cfg.load_from = newest_whole_checkpoint(cfg.work_dir)
        if cfg.get('resume') and cfg.get('load_from'):
            for change in changed_settings(cfg, cfg.load_from):
                print(f'warning: {cfg.load_from} is resumed with {change}', file=sys.stderr)
        elif method == 'train' and not cfg.get('resume') and any(Path(cfg.work_dir).glob('*.pth')):
            print(
                f'warning: {cfg.work_dir} holds checkpoints of an earlier run; this one overwrites those of the same '
                'name. --resume would go on with it, another --work-dir keeps both.',
                file=sys.stderr,
            )
        getattr(RUNNERS.get(cfg.get('runner_type', 'Runner')).from_cfg(cfg), method)()

    return run_together(run)


def run_together(action: Callable[[], None]) -> int:
    """Runs the body of a tool in this process, which may be one of several.

    Returns:
        Exit status: 0; 1 after a mistake or failure; 75 where SIGTERM and 130 where Ctrl-C stopped the run.
    """
    # Says where a process died whose mapped store was cut short.
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


def exit_status(action: Callable[[], None]) -> int:
    """Runs the body of a tool and turns users' mistakes into one line on standard error.

    Returns:
        0, or 1 after a mistake.
    """
    try:
        action()
    except (ConnectionError, EOFError) as error:  # what is left of a worker that died while it handed a batch over
        return _failed(f'{_DEAD_WORKER} ({error!r})')
    except (OSError, KeyError, TypeError, ValueError) as error:
        if os.environ.get('MMSKELSSL_TRACEBACK'):
            raise
        message = error.args[0] if isinstance(error, KeyError) and error.args else error
        return _failed(f'{message}\n(set MMSKELSSL_TRACEBACK=1 to see where it comes from)')
    except RuntimeError as error:
        if not str(error).startswith('DataLoader worker'):
            raise
        return _failed(f'{_DEAD_WORKER} ({error})')
    return 0


def _failed(message: str) -> int:
    print(f'error: {message}', file=sys.stderr)
    return 1


def _leave_together(status: int, is_orderly: bool) -> int:
    """Ends a process of a distributed run; others return with their status.

    A process group is taken apart in order, but after a failure, as that may wait for ranks that wait for this one:
    the launcher stops the others. Even so its threads sometimes abort an interpreter that ends as usual; the process
    leaves without.
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
    """Chooses how the model is shared, and joins the processes."""
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
