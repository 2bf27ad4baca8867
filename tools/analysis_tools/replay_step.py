"""Runs a training step again that ended in NaN or infinity, and says where they come from.

Takes what FiniteCheckHook wrote: weights, memory bank, views and random numbers of the step. Names the clips whose
views are not finite, the first module whose output is not, the losses, and the parameters whose gradient is not. Each
process' batch is run by itself, so the batch statistics are its own.
"""

from __future__ import annotations

import argparse
import contextlib
import sys

import torch
from mmengine.device import get_device
from torch import Tensor, nn

from mmskelssl.cli.launch import exit_status
from mmskelssl.engine.step_record import gradients, non_finite, set_random_state
from mmskelssl.registry import MODELS
from mmskelssl.utils import CheckpointError, register_all_modules
from mmskelssl.utils.checkpoint import check_weights, load_checkpoint_file
from mmskelssl.utils.config import add_config_arguments, load_config


@contextlib.contextmanager
def watching(model: nn.Module, found: list[str]):
    """Notes the modules whose output is not finite, in the order in which they ran."""

    def watch(name: str):
        def look(module: nn.Module, args: tuple, output) -> None:
            outputs = output if isinstance(output, (tuple, list)) else [output]
            if any(isinstance(x, Tensor) and x.is_floating_point() and not x.isfinite().all() for x in outputs):
                found.append(name)

        return look

    handles = [module.register_forward_hook(watch(name)) for name, module in model.named_modules() if name]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def precision(cfg, device: str):
    """The autocast of the run."""
    wrapper = cfg.get('optim_wrapper', {})
    dtypes = dict(AmpOptimWrapper=wrapper.get('dtype') or 'float16', BFloat16OptimWrapper='bfloat16')
    dtype = dtypes.get(wrapper.get('type'))
    return torch.autocast(device, getattr(torch, dtype)) if dtype else contextlib.nullcontext()


def replay(cfg, path: str) -> bool:
    """Whether the numbers are bad again; says what was found."""
    recorded = load_checkpoint_file(path, map_location='cpu')
    if 'steps' not in recorded:
        raise CheckpointError(f'{path} holds no step: give a file that FiniteCheckHook wrote into bad_numbers/.')
    device = get_device()
    model = MODELS.build(cfg.model)
    check_weights(recorded['state_dict'], model, path)
    model.load_state_dict(recorded['state_dict'])
    model.to(device).train()
    model.epoch = recorded['meta']['epoch']
    print('recorded: {problem} in iteration {iteration}, on {device}'.format(device=device, **recorded['meta']))
    seen = [run_batch(cfg, model, device, batch) for batch in recorded['steps']]
    return any(seen)


def run_batch(cfg, model: nn.Module, device: str, batch: dict) -> bool:
    views = [view.to(device) for view in batch['inputs']]
    samples = {name: column.to(device) for name, column in (batch.get('data_samples') or {}).items()}
    set_random_state(batch['random'])
    modules: list[str] = []
    model.zero_grad(set_to_none=True)
    with watching(model, modules), precision(cfg, device):
        losses = model(views, samples, mode='loss')
    total, losses = model.parse_losses(losses)
    total.backward()
    bad = [row for row in range(len(views[0])) if not all(view[row].isfinite().all() for view in views)]
    clips = [f'{row} (index {int(samples["index"][row])})' if 'index' in samples else row for row in bad]
    wrong = non_finite(gradients(model))
    for what, text in (
        (f'batch of rank {batch["rank"]}', f'{len(views[0])} clips'),
        ('clips whose views are not finite', ', '.join(map(str, clips)) or 'none'),
        ('first module whose output is not', modules[0] if modules else 'none'),
        ('losses', ', '.join(f'{name} {value.item():.6g}' for name, value in losses.items())),
        ('gradients that are not', f'{len(wrong)}, first {wrong[0]}' if wrong else 'none'),
    ):
        print(f'{what:<34}{text}')
    return bool(wrong) or not total.isfinite()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_config_arguments(parser)
    parser.add_argument('step', help='bad_numbers/iter_N.pth of a work directory')
    args = parser.parse_args()

    def run() -> None:
        register_all_modules()
        seen = replay(load_config(args), args.step)
        print('The step is seen again.' if seen else 'All numbers are finite here: the step is not seen again.')

    return exit_status(run)


if __name__ == '__main__':
    sys.exit(main())
