"""Converts a checkpoint of an official program into one of this toolbox."""

import argparse
import sys
from collections.abc import Mapping

import torch
from mmengine.config import Config

from mmskelssl.cli.config_check import checked
from mmskelssl.cli.exit_status import exit_status
from mmskelssl.cli.official_weights import METHODS, build_converted, convert_official
from mmskelssl.utils import register_all_modules
from mmskelssl.utils.checkpoints import check_finite, load_checkpoint_file
from mmskelssl.utils.config import Overrides
from mmskelssl.utils.files import written_beside


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('method', choices=METHODS, help='whose checkpoint it is')
    parser.add_argument('src', help='official checkpoint, with a state_dict or bare')
    parser.add_argument('out', help='checkpoint to write')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=Overrides,
        default={},
        metavar='KEY=VALUE',
        help="overrides of the model's config, such as model.num_neighbors=4096; the leading `model.` may be left out",
    )
    args = parser.parse_args()
    return exit_status(lambda: print('\n'.join(convert(args.method, args.src, args.out, args.cfg_options))))


def convert(method: str, src: str, out: str, options: dict) -> list[str]:
    register_all_modules()
    # Training arguments, which some programs save beside the weights: plain data, and not used.
    torch.serialization.add_safe_globals([argparse.Namespace])
    official = weights_of(load_checkpoint_file(src, map_location='cpu'))
    check_finite(official, src)
    weights, model, remarks = convert_official(method, official)
    cfg = Config(dict(model=model, default_scope='mmskelssl'))
    cfg.merge_from_dict({key if key.startswith('model.') else f'model.{key}': value for key, value in options.items()})
    build_converted(weights, checked(cfg).model, src)
    with written_beside(out) as path:
        torch.save(dict(state_dict=weights, meta=dict(cfg=cfg.pretty_text, source=src)), path)
    sizes = {key: value for key, value in cfg.model.items() if key not in ('backbone', 'neck')}
    return [f'{out}: {sizes}, backbone {dict(cfg.model.backbone)}', *remarks]


def weights_of(checkpoint: dict) -> dict:
    """The official weights: the checkpoint itself, or what it holds under the name that a program gives them."""
    parts = (checkpoint.get(name) for name in ('state_dict', 'model', 'sd', 'teacher'))
    return next((part for part in parts if isinstance(part, Mapping) and _has_tensors(part)), checkpoint)


def _has_tensors(part: Mapping) -> bool:
    return any(isinstance(value, torch.Tensor) for value in part.values())


if __name__ == '__main__':
    sys.exit(main())
