"""Trains and evaluates every method on the open data sets, with one encoder and one number of steps.

A method is a file in configs/_base_/open_data/, a set one in configs/_base_/sets/; the clip stores lie where these say,
below the current folder. Runs that were stopped go on where they were, and finished ones are not made again. The table
and the page of figures are written anew after each run.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from common import positive
from mmengine.config import Config

from mmskelssl.cli.exit_status import exit_status
from mmskelssl.datasets import ClipStore
from mmskelssl.evaluation.results import EvaluationReport, ProtocolResult, load_report
from mmskelssl.utils.errors import UserError
from mmskelssl.utils.files import written_beside

ROOT = Path(__file__).resolve().parents[1]
METHODS = ROOT / 'configs' / '_base_' / 'open_data'
SETS = ROOT / 'configs' / '_base_' / 'sets'
# Persons that the views of a set show.
PERSONS = dict(nw_ucla_xview=1, utd_mhad_xsub=1, shrec17=1, sbu_fold1=2, synthetic_xsub=1)
BATCH = 64
# Numbers that follow the number of clips, where a method has them, as a share of it.
SHARES = dict(queue_size=1 / 2, num_neighbors=1 / 4)
HEADS = {'knn': 'KNN', 'linear-fast': 'linear', 'finetune-augmented': 'fine-tuned', 'semi10-augmented': 'semi 10 %'}
SUPERVISED = {'finetune-augmented': 'supervised-augmented'}

_INTRODUCTION = """# The open benchmark

Top-1 accuracy in percent on data that anyone can have: all methods with one encoder, one kind of views, and {steps:,}
steps of {batch} clips. Mean ± sample deviation over the seeds of pre-training ({seeds}; with one seed, over those of
the classifier). The last epoch counts, and nothing was tuned on these sets for this table. The stream `joint` is
evaluated; `*_fused` has all streams as channels of one encoder. `*_transformer` have the small GCN-Transformer that
I²MD needs, the others the TCN. Minutes are those of pre-training on one thread."""


class BenchmarkError(UserError):
    """A run failed. The message names it."""


def config_text(method: str, dataset: str, seed: int, steps: int, store: ClipStore, split: str) -> str:
    """The config of a run, as a user would write it."""
    clips = len(store.split(split))
    epochs = math.ceil(steps / math.ceil(clips / BATCH))
    known = Config.fromfile(METHODS / f'{method}.py').model
    model = dict(layout=store.layout.name, num_persons=PERSONS[dataset])
    model |= {key: int(clips * share) for key, share in SHARES.items() if key in known}
    if 'cross_epoch' in known:
        model |= dict(cross_epoch=epochs // 2)
    if known.type == 'ReDeLab':
        model |= dict(queue_size=clips, num_clusters=max(2, clips // 10), rounds=[epochs * 6 // 10, epochs * 8 // 10])
    return '\n'.join(
        [
            f'_base_ = [{str(METHODS / method)!r} + ".py", {str(SETS / dataset)!r} + ".py"]',
            f'model = {model}',
            f'train_cfg = dict(max_epochs={epochs}, val_interval={epochs})',
            f'train_dataloader = dict(batch_size={BATCH}, num_workers=0, persistent_workers=False)',
            'val_dataloader = dict(num_workers=0)',
            f'default_hooks = dict(checkpoint=dict(interval={epochs}))',
            f'randomness = dict(seed={seed})',
            '',
        ]
    )


def run(tool: str, *arguments: object) -> None:
    """Runs a tool as a process of its own; its output goes where ours goes."""
    command = [sys.executable, str(ROOT / 'tools' / tool), *map(str, arguments)]
    if subprocess.run(command, check=False).returncode:
        raise BenchmarkError(f'{" ".join(command)} failed: its message is above. The same command again goes on.')


def measure(args: argparse.Namespace, method: str, dataset: str) -> EvaluationReport:
    """Trains a method on a set with every seed, and evaluates it into one report."""
    folder = args.work_dir / dataset / method
    data = Config.fromfile(SETS / f'{dataset}.py').train_dataloader.dataset
    checkpoints = []
    for seed in args.seeds:
        work = folder / f'seed{seed}'
        work.mkdir(parents=True, exist_ok=True)
        config = work / f'{method}_{dataset}.py'
        config.write_text(config_text(method, dataset, seed, args.steps, ClipStore(data.store), data.split))
        last = work / 'last_checkpoint'
        if not (work / 'finished').exists():
            run('train.py', config, '--work-dir', work, '--resume')
            (work / 'finished').touch()
        checkpoints.append(last.read_text().strip())
    out = folder / f'evaluation-{"-".join(map(str, args.seeds))}'
    stream = 'fused' if method.endswith('_fused') else 'joint'
    run('evaluate.py', *checkpoints, '--protocols', *args.protocols, '--modalities', stream, '--work-dir', out)
    return load_report(out)


def supervise(args: argparse.Namespace, dataset: str) -> EvaluationReport:
    """What the same encoder and views learn from labels alone, from the weights of the first seed."""
    config = args.work_dir / dataset / args.methods[0] / f'seed{args.seeds[0]}' / f'{args.methods[0]}_{dataset}.py'
    out = args.work_dir / dataset / 'supervised'
    protocols = [SUPERVISED[name] for name in args.protocols if name in SUPERVISED]
    run(
        'evaluate.py',
        'random',
        '--config',
        config,
        '--protocols',
        *protocols,
        '--modalities',
        'joint',
        '--work-dir',
        out,
    )
    return load_report(out)


def cell(results: Iterable[ProtocolResult], wanted: Callable[[ProtocolResult], bool]) -> str:
    """Mean ± deviation of the first result that is wanted."""
    found = next(filter(wanted, results), None)
    return '–' if found is None else str(found.metrics['top1'])


def rows_of(reports: Mapping[str, EvaluationReport], protocols: Sequence[str]) -> dict[str, list[str]]:
    """Name of a row to its cells, on one set: what every method has to beat, then the methods."""
    rows = {}
    first = next(iter(reports.values()))
    for name in dict.fromkeys(result.card.method for result in first.references):
        mine = [result for result in first.references if result.card.method == name]
        rows[name] = [*(cell(mine, lambda r, p=protocol: r.protocol == p) for protocol in protocols), '', '']
    for method, report in reports.items():
        measured = [cell(report.results, lambda r, p=p: r.protocol in (p, SUPERVISED.get(p))) for p in protocols]
        size, minutes = report.cost.get('parameters'), report.cost.get('minutes')
        is_trained = method != 'supervised'
        rows[method] = [
            *measured,
            f'{size / 1e6:.2f} M' if size and is_trained else '',
            f'{minutes:.1f}' if minutes and is_trained else '',
        ]
    return rows


def markdown(args: argparse.Namespace, reports: Mapping[str, Mapping[str, EvaluationReport]]) -> str:
    """The page of all sets that have results."""
    seeds, protocols = ' '.join(map(str, args.seeds)), ' '.join(args.protocols)
    lines = [_INTRODUCTION.format(steps=args.steps, batch=BATCH, seeds=seeds), '']
    lines += [
        f'Made by `python benchmarks/open_data.py --methods {" ".join(args.methods)} --sets {" ".join(args.sets)} '
        f'--seeds {seeds} --steps {args.steps} --protocols {protocols}`. {args.note}'.rstrip()
    ]
    heads = [*(HEADS.get(name, name) for name in args.protocols), 'encoder', 'minutes']
    for dataset, of_set in reports.items():
        report = next(iter(of_set.values()))
        lines += [
            '',
            f'## {dataset}',
            '',
            report.machine,
            '',
            f'| | {" | ".join(heads)} |',
            '|---' * (len(heads) + 1) + '|',
        ]
        lines += [f'| {name} | {" | ".join(cells)} |' for name, cells in rows_of(of_set, args.protocols).items()]
    return '\n'.join([*lines, ''])


def benchmark(args: argparse.Namespace) -> None:
    reports: dict[str, dict[str, EvaluationReport]] = {}
    for dataset in args.sets:
        for method in args.methods:
            reports.setdefault(dataset, {})[method] = measure(args, method, dataset)
            write(args, reports)
        if any(name in SUPERVISED for name in args.protocols):
            reports[dataset]['supervised'] = supervise(args, dataset)
            write(args, reports)
    print(f'written: {args.out}')


def write(args: argparse.Namespace, reports: Mapping[str, Mapping[str, EvaluationReport]]) -> None:
    with written_beside(args.out) as beside:
        beside.write_text(markdown(args, reports), encoding='utf-8')


def main() -> int:
    methods = sorted(path.stem for path in METHODS.glob('*.py') if path.stem != 'common')
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--methods', nargs='+', choices=methods, default=methods, metavar='NAME', help=', '.join(methods)
    )
    parser.add_argument(
        '--sets', nargs='+', choices=list(PERSONS), default=list(PERSONS)[:4], metavar='NAME', help=', '.join(PERSONS)
    )
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1], help='(default: 0 1)')
    parser.add_argument('--steps', type=positive, default=1600, help='of pre-training (default: 1600)')
    parser.add_argument(
        '--protocols', nargs='+', default=list(HEADS), metavar='NAME', help=f'(default: {" ".join(HEADS)})'
    )
    parser.add_argument(
        '--work-dir', type=Path, default=Path('work_dirs/open_data'), help='(default: work_dirs/open_data)'
    )
    parser.add_argument(
        '--out', type=Path, default=Path('docs/open_benchmark.md'), help='(default: docs/open_benchmark.md)'
    )
    parser.add_argument('--note', default='', help='what a reader has to know of machine and commit')
    args = parser.parse_args()
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    return exit_status(lambda: benchmark(args))


if __name__ == '__main__':
    sys.exit(main())
