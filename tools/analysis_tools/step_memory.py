"""What a training step of a config needs in memory, by part: counted, not timed, on any machine and without data.

Activations are what autograd keeps of a forward pass for the backward pass, encoders and losses together: the
difference between a batch of two clips and one of one. Weights and buffers are not among them. A GPU's own recurrent
and attention kernels keep other things; the rest is the same everywhere.
"""

from __future__ import annotations

import argparse
import sys

import torch
from mmengine.config import Config
from torch import Tensor, nn

from mmskelssl.cli.exit_status import exit_status
from mmskelssl.registry import MODELS
from mmskelssl.utils import register_all_modules
from mmskelssl.utils.config import add_config_arguments, load_config


def kept_bytes(model: nn.Module, num_clips: int, num_frames: int, num_persons: int) -> int:
    """Bytes that autograd keeps of the loss of random clips, weights and buffers left out."""
    own = {x.untyped_storage().data_ptr() for x in (*model.parameters(), *model.buffers())}
    kept: dict[int, Tensor] = {}

    def keep(x: Tensor) -> Tensor:
        if x.untyped_storage().data_ptr() not in own:
            kept[x.untyped_storage().data_ptr()] = x  # alive, so that no other takes its place
        return x

    views = [torch.randn(num_clips, num_persons, num_frames, model.layout.num_joints, 3)] * model.num_views
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        model(views, mode='loss')
    return sum(x.untyped_storage().nbytes() for x in kept.values())


def measure(cfg: Config, num_frames: int) -> dict[str, float]:
    """Bytes by part."""
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).train()
    model.epoch = cfg.train_cfg.max_epochs - 1
    query = sum(parameter.numel() for parameter in model.encoder_q.parameters())
    followers = sum(parameter.numel() for parameter in model.parameters()) - query
    clips = [kept_bytes(model, number, num_frames, cfg.model.backbone.get('num_persons', 2)) for number in (1, 2)]
    return {
        'query encoders, gradients and SGD momentum': 12 * query,
        'momentum encoders': 4 * followers,
        'memory bank': sum(4 * model.bank[name].numel() for name in model.bank.fields),
        'activations, each clip': clips[1] - clips[0],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_config_arguments(parser)
    parser.add_argument('--frames', type=int, default=64, help='T of the views (default: %(default)s)')
    args = parser.parse_args()

    def run() -> None:
        register_all_modules()
        for name, value in measure(load_config(args), args.frames).items():
            print(f'{name:<44}{value / 2**20:>12,.1f} MiB')

    return exit_status(run)


if __name__ == '__main__':
    sys.exit(main())
