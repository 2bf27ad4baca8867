"""Kills a training run at random points, resumes it, and compares its end with an uninterrupted run, bit by bit.

    python stress/kill_and_resume.py WORK_DIR [--kills 30] [--minutes 0] [--processes 1] [--seed 0]

Runs follow one another until there were so many kills and so many minutes have passed. A kill is SIGKILL, SIGTERM or
SIGINT to all processes of the run, loader workers included, or, where it has several, SIGKILL to one of them; it comes
at any time: while the run starts, trains, writes a checkpoint, validates, or ends. Prints a line per kill and a
summary; the exit status is 1 if a run ended differently or did not end.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / 'tests'))
from workshop import ROOT, command_and_environment, run

# Dropout, three modalities, two loader workers, a schedule by iteration, checkpoints within epochs.
CONFIG = f"""
_base_ = '{ROOT}/configs/i2md/i2md_gcn-transformer_1xb64-30e_synthetic-xsub.py'
_small = dict(gcn_channels=4, width=16, num_layers=1, num_heads=2, ffn_channels=16, dropout=0.3)
model = dict(backbone=_small, queue_size=256, feat_dim=8, num_neighbors=32, num_aggregated=8)
train_dataloader = dict(batch_size=12, num_workers=2, persistent_workers=True)
train_cfg = dict(max_epochs=4, val_interval=2)
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=5, max_keep_ckpts=3))
randomness = dict(seed=0, deterministic=True)
"""
SIGNALS = dict(SIGKILL=signal.SIGKILL, SIGTERM=signal.SIGTERM, SIGINT=signal.SIGINT)
PATIENCE = 120  # seconds that a killed run may take to end


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('work_dir', type=Path)
    parser.add_argument('--kills', type=int, default=30)
    parser.add_argument('--minutes', type=float, default=0)
    parser.add_argument('--processes', type=int, default=1)
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    folder = args.work_dir.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'config.py').write_text(CONFIG)
    if not (folder / 'data').exists():
        run('dataset_converters/synthetic.py', folder, 'data/synthetic', '--num-clips', 240)

    start = time.monotonic()
    assert train(folder, 'reference', args.processes).wait(600) == 0, 'the uninterrupted run fails'
    duration = time.monotonic() - start
    expected = outcome(folder / 'reference')
    print(f'uninterrupted: {duration:.1f} s', flush=True)

    chance = random.Random(args.seed)
    kinds = [*SIGNALS, 'SIGKILL one process'] if args.processes > 1 else [*SIGNALS]
    kills, runs, start = Counter(), 0, time.monotonic()
    while kills.total() < args.kills or time.monotonic() - start < 60 * args.minutes:
        work_dir = f'run{runs}'
        while True:
            process = train(folder, work_dir, args.processes)
            try:
                status = process.wait(chance.uniform(0, duration))
            except subprocess.TimeoutExpired:
                kind = chance.choice(kinds)
                status = kill(process, kind, chance)
                if status is None or not all_gone(folder, work_dir):
                    print(f'{work_dir}: did not end within {PATIENCE} s of {kind}, with all its processes')
                    return 1
                kills[kind] += 1
                print(f'{work_dir}: {kind}, status {status}, {progress(folder / work_dir)}', flush=True)
            else:
                if status:
                    print(f'{work_dir}: failed by itself, status {status}: {folder}/{work_dir}.log')
                    return 1
            if status == 0:
                break
        if outcome(folder / work_dir) != expected:
            print(f'{work_dir}: ended differently from the uninterrupted run')
            return 1
        runs += 1
        print(f'{work_dir}: bitwise the uninterrupted run', flush=True)
    minutes = (time.monotonic() - start) / 60
    counts = ', '.join(f'{count} {kind}' for kind, count in sorted(kills.items()))
    print(
        f'{args.processes} processes, {minutes:.1f} minutes: {kills.total()} kills ({counts}) in {runs} runs, '
        'all of which ended bitwise as the uninterrupted one'
    )
    return 0


def train(folder: Path, work_dir: str, processes: int) -> subprocess.Popen:
    """Starts or resumes a run in a session of its own."""
    tool, number = ('dist_train.sh', [str(processes)]) if processes > 1 else ('train.py', [])
    command, environment = command_and_environment(tool, folder)
    with open(folder / f'{work_dir}.log', 'ab') as log:
        return subprocess.Popen(
            [*command, 'config.py', *number, '--work-dir', work_dir, '--resume'],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def kill(process: subprocess.Popen, kind: str, chance: random.Random) -> int | None:
    """Kills and waits; the exit status, or None if it does not end."""
    if kind in SIGNALS:
        os.killpg(process.pid, SIGNALS[kind])
    else:
        children = Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text().split()
        os.kill(int(chance.choice(children or [process.pid])), signal.SIGKILL)
    try:
        return process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        return None


def all_gone(folder: Path, work_dir: str) -> bool:
    """Waits for all processes of a run to end, those that a killed launcher left behind too."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if not any(_belongs(process, folder, work_dir) for process in Path('/proc').glob('[0-9]*')):
            return True
        time.sleep(0.1)
    return False


def _belongs(process: Path, folder: Path, work_dir: str) -> bool:
    try:
        command = (process / 'cmdline').read_bytes().split(b'\0')
        return work_dir.encode() in command and (process / 'cwd').resolve() == folder
    except OSError:
        return False


def progress(work_dir: Path) -> str:
    checkpoints = sorted(work_dir.glob('*.pth'), key=lambda path: path.stat().st_mtime)
    return f'newest checkpoint {checkpoints[-1].name}' if checkpoints else 'no checkpoint yet'


def outcome(work_dir: Path) -> str:
    """All that a run leaves, as text that is the same only if it is the same bit by bit."""
    checkpoints = [torch.load(path, weights_only=False) for path in work_dir.glob('*.pth')]
    last = max(checkpoints, key=lambda checkpoint: checkpoint['meta']['iter'])
    kept = {key: last[key] for key in ('state_dict', 'optimizer', 'param_schedulers')}
    logs = sorted(work_dir.glob('*/vis_data/scalars.json'))
    rows = [json.loads(line) for log in logs for line in log.read_text().splitlines() if line.endswith('}')]
    metrics = {(row['step'], key): row[key] for row in rows for key in row if key.startswith('knn/')}
    return json.dumps([_plain(kept), sorted((str(key), value) for key, value in metrics.items())])


def _plain(value: object) -> object:
    if isinstance(value, torch.Tensor):
        return [str(value.dtype), value.numpy().tobytes().hex()]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return repr(value)


if __name__ == '__main__':
    sys.exit(main())
