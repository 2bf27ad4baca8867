"""Makes a small file of a checkpoint, to be handed on: matrices in half precision, config and card, nothing else.

The card says how it was made and what it reaches, by the report of tools/evaluate.py: that of the checkpoint, or that
for which the classifier was trained.
"""

import argparse
import hashlib
import io
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint', type=Path, help='of pre-training or of a classifier')
    parser.add_argument(
        'out',
        type=Path,
        help='the file to write (.pth), or a folder: the file is {config}-{8 letters of its SHA-256}.pth there',
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
    report = report_of(args.checkpoint)
    if report is None and not facts:
        raise ReportError(
            f'{args.checkpoint} has no report that says what it reaches: run tools/evaluate.py without --work-dir, or '
            'say it in --card.'
        )
    card = (described(report) if report else {}) | facts
    known = checkpoint['meta'].get('dataset_meta', {})
    content = io.BytesIO()
    torch.save(dict(state_dict=weights, meta=dict(cfg=cfg.pretty_text, dataset_meta=known, card=card)), content)
    letters = hashlib.sha256(content.getbuffer()).hexdigest()[:8]
    name = f'{card.get("config", args.checkpoint.stem)}-{letters}.pth'
    out = args.out if args.out.suffix == '.pth' else args.out / name
    out.parent.mkdir(parents=True, exist_ok=True)
    with written_beside(out) as beside:
        beside.write_bytes(content.getbuffer())
    print(f'{out}: {out.stat().st_size / 2**20:.2f} MiB')


def report_of(checkpoint: Path) -> EvaluationReport | None:
    """The report beside a checkpoint, or that in whose ``{protocol}/{stream}/{run}`` a classifier lies."""
    path = checkpoint.resolve()
    folders = [path.with_suffix('.evaluation'), *path.parents[3:4]]
    return next((load_report(folder) for folder in folders if (folder / REPORT_FILE).exists()), None)


def described(report: EvaluationReport) -> dict:
    """What a card says of a report; top-1 in percent."""
    data = report.data
    return dict(
        method=report.method,
        config=report.config,
        data=f'{data.dataset}: {data.train_split} -> {data.test_split}',
        results={f'{result.protocol}, {result.modality}': _top1(result) for result in report.results},
        references={
            f'{result.protocol}, {result.card.method}, {result.modality}': _top1(result) for result in report.references
        },
        pretraining=report.cost,
        created=report.created,
        machine=report.machine,
        commands=[report.command],
    )


def _top1(result: ProtocolResult) -> float:
    return round(result.metrics['top1'].mean, 1)


if __name__ == '__main__':
    sys.exit(main())
