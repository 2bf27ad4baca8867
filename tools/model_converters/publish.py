"""Makes a small file of a checkpoint, to be handed on: weights in half precision, config and card, nothing else."""

import argparse
import json
import sys
from pathlib import Path

import torch

from mmskelssl.cli.exit_status import exit_status
from mmskelssl.utils.checkpoints import load_checkpoint_file
from mmskelssl.utils.errors import CheckpointError
from mmskelssl.utils.files import written_beside


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', help='of pre-training or of a classifier')
    parser.add_argument('out', type=Path, help='the file to write')
    parser.add_argument(
        '--card', type=Path, required=True, metavar='JSON', help='an object: how it was made, what it reaches'
    )
    return exit_status(lambda: publish(parser.parse_args()))


def publish(args: argparse.Namespace) -> None:
    checkpoint = load_checkpoint_file(args.checkpoint, 'cpu')
    meta = checkpoint.get('meta', {})
    if 'cfg' not in meta:
        raise CheckpointError(f'Checkpoint {args.checkpoint} carries no config: nobody could use the file.')
    weights = {
        name: value.half() if value.is_floating_point() else value for name, value in checkpoint['state_dict'].items()
    }
    kept = {key: meta[key] for key in ('cfg', 'dataset_meta') if key in meta}
    card = json.loads(args.card.read_text(encoding='utf-8'))
    with written_beside(args.out) as beside:
        torch.save(dict(state_dict=weights, meta=dict(kept, card=card)), beside)
    print(f'{args.out}: {args.out.stat().st_size / 2**20:.2f} MiB')


if __name__ == '__main__':
    sys.exit(main())
