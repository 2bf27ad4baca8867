"""Makes a small file of a checkpoint, to be handed on: matrices in half precision, config and card, nothing else.

The card says how it was made and what it reaches, by the report of tools/evaluate.py: that of the checkpoint, or that
for which the classifier was trained.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import torch

from mmskelssl.cli.exit_status import exit_status
from mmskelssl.evaluation.results import REPORT_FILE, EvaluationReport, ProtocolResult, load_report
from mmskelssl.utils.checkpoints import checkpoint_config, load_checkpoint_file
from mmskelssl.utils.errors import ReportError
from mmskelssl.utils.files import written_beside

# What a config says of where a run was.
_OF_THE_RUN = ('work_dir', 'load_from', 'resume', 'experiment_name', 'launcher')
# A classifier lies in {report}/{protocol}/{stream}/{run}/.
_FOLDERS_ABOVE = 4


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint', type=Path, help='of pre-training or of a classifier')
    parser.add_argument(
        'out',
        type=Path,
        help='the file to write, or a folder: the file is {config}-{8 letters of its SHA-256}.pth there',
    )
    parser.add_argument(
        '--card', type=Path, metavar='CARD.json', help='file of a JSON object: further facts, such as the commit'
    )
    return exit_status(lambda: publish(parser.parse_args()))


def publish(args: argparse.Namespace) -> None:
    checkpoint = load_checkpoint_file(args.checkpoint, 'cpu')
    cfg = checkpoint_config(checkpoint, args.checkpoint)
    for key in _OF_THE_RUN:
        cfg.pop(key, None)
    if cfg.model.get('pretrained'):
        cfg.model.pretrained = None
    # Vectors, such as batch statistics, are few, and some are too small for half precision.
    weights = {
        name: value.half() if value.is_floating_point() and value.ndim > 1 else value
        for name, value in checkpoint['state_dict'].items()
    }
    facts = json.loads(args.card.read_text(encoding='utf-8')) if args.card else {}
    card = card_of(args.checkpoint, is_needed=not facts) | facts
    known = checkpoint['meta'].get('dataset_meta', {})
    name = card.get('config', args.checkpoint.stem)
    out = args.out / f'{name}.pth' if args.out.is_dir() else args.out
    with written_beside(out) as beside:
        torch.save(dict(state_dict=weights, meta=dict(cfg=cfg.pretty_text, dataset_meta=known, card=card)), beside)
    if args.out.is_dir():
        letters = hashlib.sha256(out.read_bytes()).hexdigest()[:8]
        out = out.rename(out.with_name(f'{name}-{letters}.pth'))
    print(f'{out}: {out.stat().st_size / 2**20:.2f} MiB')


def card_of(checkpoint: Path, is_needed: bool) -> dict:
    """What the report of a checkpoint says.

    Raises:
        ReportError: If there is none, and it ``is_needed``.
    """
    path = checkpoint.resolve()
    folders = [path.with_suffix('.evaluation'), *path.parents[:_FOLDERS_ABOVE]]
    found = next((folder for folder in folders if (folder / REPORT_FILE).exists()), None)
    if found is None and is_needed:
        raise ReportError(
            f'{checkpoint} has no report that says what it reaches: run tools/evaluate.py, or say it in --card.'
        )
    return described(load_report(found)) if found else {}


def described(report: EvaluationReport) -> dict:
    data = report.data
    return dict(
        method=report.method,
        config=report.config,
        data=f'{data.dataset}: {data.train_split} -> {data.test_split}',
        results={f'{result.protocol}, {result.modality}': _top1(result) for result in report.results},
        references={f'{result.protocol}, {result.card.method}': _top1(result) for result in report.references},
        pretraining=report.cost,
        created=report.created,
        machine=report.machine,
        commands=[report.command],
    )


def _top1(result: ProtocolResult) -> float:
    return round(result.metrics['top1'].mean, 1)


if __name__ == '__main__':
    sys.exit(main())
