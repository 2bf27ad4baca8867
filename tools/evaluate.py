"""Evaluates a pre-trained checkpoint by the papers' protocols, on the data and in the views of its own config.

Results are kept as they come: the same command, after an interruption, goes on where it was. The report comes as JSON,
Markdown, and an HTML page that needs no network.
"""

import argparse
import shlex
import signal
import sys
from collections import defaultdict
from pathlib import Path

from mmskelssl.cli.config_check import checked
from mmskelssl.cli.exit_status import exit_status
from mmskelssl.engine.interruption import Interrupted, stopped_status
from mmskelssl.evaluation.evaluate import evaluate
from mmskelssl.evaluation.pretrained_model import read_subject
from mmskelssl.evaluation.protocols.loading import load_protocol
from mmskelssl.evaluation.results import REPORT_FILE
from mmskelssl.evaluation.zoo import find_config
from mmskelssl.utils import register_all_modules
from mmskelssl.utils.config import ConfigError, Overrides, read_config
from mmskelssl.visualization.report import protocols_table, write_html, write_markdown

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'


def parse_args() -> argparse.Namespace:
    names = ', '.join(sorted(path.stem for path in (CONFIGS / 'protocols').glob('*.py')))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', help='checkpoint of pre-training, or of a classifier')
    parser.add_argument(
        '--protocols',
        nargs='+',
        default=['knn', 'linear'],
        metavar='NAME',
        help=f'{names}; with -2s, -3s or -3sw behind it, the modalities of a protocol fused; or config files '
        '(default: knn linear)',
    )
    parser.add_argument('--config', help='config of pre-training, where the checkpoint carries none')
    parser.add_argument(
        '--data',
        help='data to evaluate on instead: a name in configs/_base_/sets/, or a config with train_set and test_set',
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
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    try:
        return exit_status(lambda: run(args))
    except (KeyboardInterrupt, Interrupted) as interruption:
        print('Stopped. What is finished is kept: the same command goes on from there.', file=sys.stderr)
        return getattr(interruption, 'status', stopped_status(signal.SIGINT))


def run(args: argparse.Namespace) -> None:
    register_all_modules()
    options = defaultdict(dict)
    for key, value in args.cfg_options.items():
        name, _, entry = key.partition('.')
        options[name][entry] = value
    protocols = [load_protocol(name, CONFIGS / 'protocols', options, checked) for name in args.protocols]
    unused = set(options) - {step.name for p in protocols for step in (p, *p.requires)}
    if unused:
        raise ConfigError(f'--cfg-options: {sorted(unused)} are none of the protocols; write PROTOCOL.KEY=VALUE.')
    subject = read_subject(
        args.checkpoint,
        config=args.config and read_config(find_config(args.config)),
        data=args.data and read_config(_data_config(args.data)),
        store=args.store,
        modalities=args.modalities,
    )
    root = args.work_dir or Path(args.checkpoint).with_suffix(f'.{_folder_name(args.data)}')
    report = evaluate(subject, protocols, root, command=shlex.join(['python', *sys.argv]))
    print(protocols_table(report))
    write_markdown(report, root / 'report.md')
    write_html(report, root / 'report.html')
    print(f'\nreport: {root}/report.html; in words report.md, for programs {REPORT_FILE}')


def _folder_name(data: str | None) -> str:
    return f'evaluation-{Path(data).stem}' if data else 'evaluation'


def _data_config(data: str) -> Path:
    path = Path(data) if data.endswith('.py') else CONFIGS / '_base_' / 'sets' / f'{data}.py'
    if not path.exists():
        known = ', '.join(sorted(file.stem for file in path.parent.glob('*.py')))
        raise ConfigError(f"--data: there is no '{data}'. Known: {known}; or give the path of a config file.")
    return path


if __name__ == '__main__':
    sys.exit(main())
