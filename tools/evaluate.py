"""Evaluates a pre-trained checkpoint by the papers' protocols, on the data and in the views of its own config.

References stand beside the results, by the protocols that cost little: raw coordinates, and the encoder without
training. A number below them is marked. Several checkpoints of one config that differ in the seed, or in the fold, give
one report, with mean and deviation over them. Results are kept as they come: after an interruption, the same command
continues. The report comes as JSON, Markdown, and an HTML page that needs no network.
"""

import argparse
import os
import shlex
import signal
import sys
from collections import defaultdict
from functools import partial
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import is_main_process

from mmskelssl.cli.config_check import checked
from mmskelssl.cli.launch import add_launcher_argument, join_processes, run_together
from mmskelssl.engine.interruption import Interrupted, stopped_status
from mmskelssl.evaluation.evaluate import REFERENCES_FOLDER, evaluate
from mmskelssl.evaluation.pretrained_model import PretrainedModel
from mmskelssl.evaluation.processes import agreed, written_once
from mmskelssl.evaluation.protocols import Protocol, load_protocol
from mmskelssl.evaluation.reading import pretraining_config, read_pretrained
from mmskelssl.evaluation.references import REFERENCES, Reference, references_of, write_reference
from mmskelssl.evaluation.results import REPORT_FILE, EvaluationReport, save_report
from mmskelssl.evaluation.seeds import are_folds, check_folds, check_seeds, over_folds, over_seeds
from mmskelssl.evaluation.zoo import find_config
from mmskelssl.utils import register_all_modules
from mmskelssl.utils.config import ConfigError, Overrides, read_config
from mmskelssl.visualization.report import protocols_table, write_html, write_markdown

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'


def parse_args() -> argparse.Namespace:
    names = ', '.join(sorted(path.stem for path in (CONFIGS / 'protocols').glob('*.py')))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'checkpoints',
        nargs='+',
        metavar='CHECKPOINT',
        help='checkpoint of pre-training or of a classifier, or several that differ in the seed alone, or in the fold; '
        "'random': the encoder of --config without training; 'raw': coordinates without an encoder",
    )
    parser.add_argument(
        '--protocols',
        nargs='+',
        default=['knn', 'linear'],
        metavar='NAME',
        help=f'{names}; with -2s or -3s behind it, the modalities of a protocol fused; or config files '
        '(default: knn linear)',
    )
    parser.add_argument(
        '--config', help="config of pre-training, for 'raw', 'random' and a checkpoint that carries none"
    )
    parser.add_argument('--seed', type=int, default=0, help='of the weights of the random encoder (default: 0)')
    parser.add_argument(
        '--no-references',
        dest='references',
        action='store_false',
        help='leave out raw coordinates and the random encoder',
    )
    parser.add_argument(
        '--data',
        help='data to evaluate on instead: a name in configs/_base_/sets/, or a config with train_dataloader and '
        'test_dataloader',
    )
    parser.add_argument('--store', help='path of the clip store, where it lies elsewhere than the config says')
    parser.add_argument('--modalities', nargs='+', help="which of the checkpoint's modalities (default: all)")
    parser.add_argument('--work-dir', type=Path, help='folder of the results; default: beside the checkpoint')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=Overrides,
        default={},
        metavar='PROTOCOL.KEY=VALUE',
        help="overrides of protocols' configs, such as knn.protocol.k=20 finetune.train_cfg.max_epochs=40",
    )
    add_launcher_argument(parser)
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    try:
        return run_together(lambda: run(args))
    except KeyboardInterrupt:
        return stopped_status(signal.SIGINT)


def run(args: argparse.Namespace) -> None:
    register_all_modules()
    if args.launcher != 'none':
        join_processes(args.launcher)
    protocols = read_protocols(args)
    try:
        report, root = (evaluate_several if len(args.checkpoints) > 1 else evaluate_one)(args, protocols)
    except (KeyboardInterrupt, Interrupted):
        print('Stopped. What is finished is kept: run the same command again to continue.', file=sys.stderr)
        raise
    if is_main_process():
        print(protocols_table(report))
        write_pages(report, root)
        print(f'\nreport: {root}/report.html; as text report.md, for programs {REPORT_FILE}')


def evaluate_one(args: argparse.Namespace, protocols: list[Protocol]) -> tuple[EvaluationReport, Path]:
    """The report of one checkpoint or reference, and its folder."""
    (checkpoint,) = args.checkpoints
    root = args.work_dir or _default_root(args, checkpoint)
    config = args.config and read_config(find_config(args.config))
    if checkpoint not in REFERENCES:
        model = read_model(args, checkpoint, config)
        return evaluate(model, protocols, root, _command(), _references(args, model, protocols, root)), root
    if config is None:
        raise ConfigError(f"'{checkpoint}' needs --config CONFIG, which says data, views and encoder.")
    path = root / f'{checkpoint}.pth'
    written_once(lambda: write_reference(checkpoint, config, args.seed, path))
    return evaluate(read_model(args, str(path)), protocols, root, _command()), root


def evaluate_several(args: argparse.Namespace, protocols: list[Protocol]) -> tuple[EvaluationReport, Path]:
    """The report over several checkpoints, and its folder; each has a report of its own too."""
    config = args.config and read_config(find_config(args.config))
    if references := set(args.checkpoints) & set(REFERENCES):
        raise ConfigError(
            f"'{references.pop()}' is evaluated alone, or stands beside a checkpoint without being named."
        )
    models = [read_model(args, checkpoint, config) for checkpoint in args.checkpoints]
    together = Path(os.path.commonpath([Path(path).resolve().parent for path in args.checkpoints]))
    if are_folds(models):
        folds = check_folds(models)
        root = args.work_dir or together / f'{"-".join(folds)}.{_kind(args)}'
        reports = {
            fold: _evaluate_own(args, model, protocols, root / fold if args.work_dir else None)
            for fold, model in zip(folds, models, strict=True)
        }
        report = agreed(over_folds(reports, root, _command()) if is_main_process() else None)
    else:
        seeds = check_seeds(models)
        root = args.work_dir or together / f'seeds-{"-".join(map(str, seeds))}.{_kind(args)}'
        references = _references(args, models[0], protocols, root), root / REFERENCES_FOLDER
        of_seeds = {
            seed: _evaluate_own(args, model, protocols, root / f'seed{seed}' if args.work_dir else None, references)
            for seed, model in zip(seeds, models, strict=True)
        }
        report = agreed(over_seeds(of_seeds, root, _command()) if is_main_process() else None)
    written_once(lambda: save_report(report, root / REPORT_FILE))
    return report, root


def _evaluate_own(
    args: argparse.Namespace,
    model: PretrainedModel,
    protocols: list[Protocol],
    root: Path | None,
    references: tuple[list[Reference], Path] | None = None,
) -> tuple[EvaluationReport, Path]:
    """The report of one of several checkpoints, with pages of its own, and its folder."""
    own = root or _default_root(args, model.checkpoint)
    beside, place = references or (_references(args, model, protocols, own), own / REFERENCES_FOLDER)
    report = evaluate(model, protocols, own, _command(), beside, place)
    if is_main_process():
        write_pages(report, own)
    return report, own


def read_model(args: argparse.Namespace, checkpoint: str, config: Config | None = None) -> PretrainedModel:
    """The checkpoint with the data that is asked for."""
    return read_pretrained(
        checkpoint,
        config=config,
        data=args.data and read_config(_data_config(args.data)),
        store=args.store,
        modalities=args.modalities,
    )


def write_pages(report: EvaluationReport, root: Path) -> None:
    """The report as text and as a page."""
    write_markdown(report, root / 'report.md')
    write_html(report, root / 'report.html')


def _references(
    args: argparse.Namespace, model: PretrainedModel, protocols: list[Protocol], root: Path
) -> list[Reference]:
    if not args.references:
        return []
    cfg = read_config(find_config(args.config)) if args.config else pretraining_config(model.checkpoint)
    load = partial(load_protocol, options=read_options(args), check=checked)
    return references_of(model, cfg, protocols, root / REFERENCES_FOLDER, load, args.seed)


def _command() -> str:
    return shlex.join(['python', *sys.argv])


def read_options(args: argparse.Namespace) -> dict[str, dict]:
    """Protocol to overrides of its config."""
    options = defaultdict(dict)
    for key, value in args.cfg_options.items():
        name, _, entry = key.partition('.')
        options[name][entry] = value
    return options


def read_protocols(args: argparse.Namespace) -> list[Protocol]:
    """The protocols that are asked for, with their overrides.

    Raises:
        ConfigError: If there is no such protocol, or an override is of none.
    """
    options = read_options(args)
    protocols = [load_protocol(name, options, checked) for name in args.protocols]
    unused = set(options) - {step.name for p in protocols for step in (p, *p.requires)}
    if unused:
        raise ConfigError(f'--cfg-options: {sorted(unused)} are none of the protocols; write PROTOCOL.KEY=VALUE.')
    return protocols


def _kind(args: argparse.Namespace) -> str:
    return f'evaluation-{Path(args.data).stem}' if args.data else 'evaluation'


def _default_root(args: argparse.Namespace, checkpoint: str) -> Path:
    """Beside the checkpoint; references have a folder in work_dirs."""
    if checkpoint not in REFERENCES:
        return Path(checkpoint).with_suffix(f'.{_kind(args)}')
    name = f'random-seed{args.seed}' if checkpoint == 'random' else checkpoint
    return Path('work_dirs') / Path(args.config or '').stem / f'{name}.{_kind(args)}'


def _data_config(data: str) -> Path:
    path = Path(data) if data.endswith('.py') else CONFIGS / '_base_' / 'sets' / f'{data}.py'
    if not path.exists():
        known = ', '.join(sorted(file.stem for file in path.parent.glob('*.py')))
        raise ConfigError(f"--data: there is no '{data}'. Known: {known}; or give the path of a config file.")
    return path


if __name__ == '__main__':
    sys.exit(main())
