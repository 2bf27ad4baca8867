"""Writes a checkpoint as a file that runs without this package: ONNX, or an exported program of PyTorch.

The file takes raw clips in metres, float32 (N, M, T, V, C) of any N, M and T, and gives the features of each stream,
and scores of a classifier. Normalization and test view are inside. What it gives is compared with the model before it
is kept.
"""

import argparse
import sys
from pathlib import Path

from mmskelssl.apis import init_model, list_models
from mmskelssl.apis.models import normalizations
from mmskelssl.cli.exit_status import exit_status
from mmskelssl.deployment import FORMATS, ClipModel, export_model
from mmskelssl.deployment.exported_model import SUFFIXES


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'checkpoint', help='of pre-training or of a classifier, or the name of one that comes with the package'
    )
    parser.add_argument('--format', choices=FORMATS, default='onnx', help='default: %(default)s')
    parser.add_argument('--config', help='of a checkpoint that carries none')
    parser.add_argument(
        '--out', type=Path, help='the file; default: beside the checkpoint, with the suffix of the format'
    )
    return exit_status(lambda: export(parser.parse_args()))


def export(args: argparse.Namespace) -> None:
    is_shipped = args.checkpoint in list_models(pretrained=True)
    config, checkpoint = (args.checkpoint, None) if is_shipped else (args.config, args.checkpoint)
    model = init_model(config, checkpoint, 'cpu', pretrained=is_shipped)
    suffix = SUFFIXES[args.format]
    out = args.out or Path(f'{args.checkpoint}{suffix}' if is_shipped else Path(args.checkpoint).with_suffix(suffix))
    clip_model = ClipModel(model, normalizations(model))
    distance = export_model(clip_model, out, args.format)
    outputs = ', '.join(f'{name} {tuple(value.shape[1:])}' for name, value in clip_model(clip_model.example()).items())
    print(f'{out}: {out.stat().st_size / 2**20:.2f} MiB, gives {outputs} of a clip')
    print(f'largest distance from the model: {distance:.1e} of its largest output')


if __name__ == '__main__':
    sys.exit(main())
