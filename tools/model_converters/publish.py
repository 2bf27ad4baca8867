"""Makes a small file of a checkpoint, to be handed on: matrices in half precision, config and card, nothing else."""

import argparse
import json
import sys
from pathlib import Path

import torch

from mmskelssl.cli.exit_status import exit_status
from mmskelssl.utils.checkpoints import checkpoint_config, load_checkpoint_file
from mmskelssl.utils.files import written_beside

# What a config says of where a run was.
_OF_THE_RUN = ('work_dir', 'load_from', 'resume', 'experiment_name', 'launcher')


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
    card = json.loads(args.card.read_text(encoding='utf-8'))
    known = checkpoint['meta'].get('dataset_meta', {})
    with written_beside(args.out) as beside:
        torch.save(dict(state_dict=weights, meta=dict(cfg=cfg.pretty_text, dataset_meta=known, card=card)), beside)
    print(f'{args.out}: {args.out.stat().st_size / 2**20:.2f} MiB')


if __name__ == '__main__':
    sys.exit(main())
