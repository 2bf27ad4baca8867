"""Measures how fast clips become features: the model itself, as ONNX and as an exported program, in turn.

All are handed the same random clips and give the same outputs, normalization and test view included.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path

import torch
from common import in_turn, positive, spread, table

from mmskelssl.apis import init_model
from mmskelssl.apis.models import normalizations
from mmskelssl.cli.exit_status import exit_status
from mmskelssl.deployment import FORMATS, ClipModel, ExportedModel, export_model
from mmskelssl.deployment.exported_model import SUFFIXES


def benchmark(args: argparse.Namespace) -> None:
    inner = init_model(args.config, device='cpu')
    model = ClipModel(inner, normalizations(inner))
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        ways = {'model': model}
        for name in FORMATS:
            path = Path(folder) / f'model{SUFFIXES[name]}'
            with torch.inference_mode(False):
                export_model(model, path, name)
            ways[name] = ExportedModel(path)
        for size in args.batch_sizes:
            clips = torch.randn(size, inner.num_persons, args.frames, inner.layout.num_joints, 3)
            seconds = in_turn({name: partial(way, clips) for name, way in ways.items()}, args.repeats)
            rows = [
                [
                    name,
                    *spread([1e3 * s for s in own], 2),
                    f'{statistics.median(seconds["model"]) / statistics.median(own):.2f}',
                ]
                for name, own in seconds.items()
            ]
            print(f'{size} clips at once')
            print(table(('ms', 'median', 'lowest', 'highest', 'times as fast'), rows))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config, or its name; weights make no difference')
    parser.add_argument('--batch-sizes', type=positive, nargs='+', default=[1, 16], help='(default: 1 16)')
    parser.add_argument('--repeats', type=positive, default=20, help='rounds (default: %(default)s)')
    parser.add_argument('--frames', type=positive, default=100, help='of a clip (default: %(default)s)')
    return exit_status(lambda: benchmark(parser.parse_args()))


if __name__ == '__main__':
    sys.exit(main())
